//! A ring buffer.
const std = @import("std");

pub const capacity: usize = 16;
var total: u32 = 0;

/// Bytes in a ring.
pub const Ring = struct {
    items: [capacity]u8,
    head: usize = 0,

    const Self = @This();

    /// Makes one.
    pub fn init() Self {
        return .{ .items = undefined };
    }

    fn wrap(index: usize) usize {
        return index % capacity;
    }
};

const Color = enum { red, green };

const Value = union(enum) {
    int: i64,
    none,
};

pub const Error = error{ Full, Empty };

// Adds numbers.
export fn add(a: i32, b: i32) i32 {
    return a + b;
}

pub fn List(comptime T: type) type {
    return struct {
        items: []T,

        pub fn len(self: @This()) usize {
            return self.items.len;
        }
    };
}

test "ring" {
    _ = Ring.init();
}
