defmodule Shop.Cart do
  @moduledoc """
  A cart of items.
  """

  use GenServer
  alias Shop.Item

  @limit 10

  @type t :: %__MODULE__{items: list}

  defstruct items: [], total: 0

  @doc "Starts it."
  @spec start_link(keyword) :: GenServer.on_start()
  def start_link(opts) do
    GenServer.start_link(__MODULE__, opts)
  end

  # Adds one.
  def add(cart, %Item{} = item) when is_map(cart) do
    %{cart | items: [item | cart.items]}
  end

  def add(cart, nil), do: cart

  @impl true
  def init(opts), do: {:ok, opts}

  defp total(%{items: items}) do
    Enum.sum(items)
  end

  defmacro debug(value) do
    quote do: IO.inspect(unquote(value))
  end

  defmodule Error do
    defexception [:message]
  end
end

defprotocol Shop.Priced do
  @doc "The price."
  def price(item)
end

defimpl Shop.Priced, for: Shop.Item do
  def price(item), do: item.price
end

defmodule Shop.CartTest do
  use ExUnit.Case

  test "adds" do
    assert Shop.Cart.add(%{items: []}, nil)
  end
end
