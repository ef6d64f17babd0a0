using System;

namespace Shop.Orders;

/// <summary>Where orders live.</summary>
public interface IOrders
{
    Task<Order> Find(int id);
    int Count { get; }
}

[Serializable]
public record Order(int Id, decimal Total);

public enum Status { New, Paid }

public delegate void Changed(Order order);

// Keeps orders.
public sealed class Orders : IOrders
{
    private const int Max = 100;
    private readonly Dictionary<int, Order> items = new();

    public event Changed? OnChanged;

    public Orders(int size)
    {
    }

    public int Count => items.Count;

    /// <summary>Finds one.</summary>
    [Obsolete("x")]
    public async Task<Order> Find(int id)
    {
        return items[id];
    }

    public Order this[int id] => items[id];

    public static Orders operator +(Orders a, Order b) => a;

    private struct Slot
    {
        public int Index { get; set; }
    }
}

public static class Extensions
{
    public static string Name(this Order order) => $"#{order.Id}";
}
