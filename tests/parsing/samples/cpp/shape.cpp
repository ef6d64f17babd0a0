#include <vector>

namespace geo {

using Points = std::vector<Point>;
constexpr double PI = 3.14;

/// A shape.
class Shape : public Base {
public:
    explicit Shape(int id);
    virtual ~Shape() = default;

    // The area.
    virtual double area() const = 0;
    bool operator==(const Shape &other) const { return id_ == other.id_; }

    enum class Kind { Round, Square };

private:
    int id_;
    static int count;
};

template <typename T>
struct Box {
    T value;

    const T &get() const { return value; }
};

namespace detail {
inline int twice(int x) { return 2 * x; }
}  // namespace detail

// Makes a shape.
Shape::Shape(int id) : id_(id) {}

double Shape::area() const
{
    return 0;
}

template <class T>
T largest(const std::vector<T> &items)
{
    return items.front();
}

std::ostream &operator<<(std::ostream &out, const Shape &shape)
{
    return out;
}

template <typename T>
concept Small = sizeof(T) < 8;

}  // namespace geo

extern "C" {
int geo_version(void) { return 1; }
}

int geo::detail::counter = 0;

TEST(ShapeTest, HasArea) {
    EXPECT_EQ(1, 1);
}
