-- Who may log in.
CREATE TABLE users (
  id SERIAL PRIMARY KEY,
  name TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS shop.orders (
  id INT,
  user_id INT REFERENCES users (id)
);

CREATE INDEX idx_orders_user ON shop.orders (user_id);

-- Orders of today.
CREATE OR REPLACE VIEW recent_orders AS
SELECT * FROM shop.orders WHERE created > now();

CREATE FUNCTION add_one(x INT) RETURNS INT AS $$
BEGIN
  RETURN x + 1;
END;
$$ LANGUAGE plpgsql;

CREATE TYPE mood AS ENUM ('sad', 'happy');

INSERT INTO users (name) VALUES ('Ada');

SELECT name, count(*)
FROM users
GROUP BY name;
