# frozen_string_literal: true

require "json"

# Everything about shops.
module Shop
  VERSION = "1.0"

  class Error < StandardError; end

  # A store.
  class Store < Base
    include Enumerable
    attr_reader :items

    LIMIT = 10

    def initialize(items)
      @items = items
    end

    # Yields each item.
    def each(&block)
      items.each(&block)
    end

    def self.open(path)
      new(JSON.parse(File.read(path)))
    end

    class << self
      def default
        @default ||= new([])
      end
    end

    private

    def [](key) = items[key]

    def empty?
      items.empty?
    end
  end
end

class Shop::Item
  def price=(value)
    @price = value
  end
end

def helper(x)
  x + 1
end

describe Shop::Store do
  it "is empty" do
    expect(Shop::Store.new([])).to be_empty
  end
end
