import Foundation

/// Plays sounds.
public protocol Playable {
    associatedtype Item
    var volume: Double { get set }
    func play(_ item: Item) throws
}

let defaultVolume = 0.5

typealias Completion = (Result<Void, Error>) -> Void

@objc(Player)
open class Player: NSObject, Playable {
    public var volume: Double = defaultVolume
    private let queue: [String] = []

    init(volume: Double) {
        self.volume = volume
    }

    deinit {
        stop()
    }

    // Starts.
    @discardableResult
    public func play(_ item: String) throws -> Bool {
        return true
    }

    static func make() -> Player { Player(volume: 1) }

    subscript(index: Int) -> String { queue[index] }

    func stop() {}

    struct Options {
        var loop = false
    }
}

enum State: String {
    case idle
    case playing, paused

    var active: Bool { self == .playing }
}

struct Track: Codable {
    let title: String
}

extension Player {
    func pause() {}
}

actor Counter {
    func next() -> Int { 1 }
}

func mix<T>(_ a: T, _ b: T) -> [T] {
    [a, b]
}
