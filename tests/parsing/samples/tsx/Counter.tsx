import React, { useState } from "react";

type Props = { start: number };

/** Counts clicks. */
export const Counter: React.FC<Props> = ({ start }) => {
  const [count, setCount] = useState(start);
  return <button onClick={() => setCount(count + 1)}>{count}</button>;
};

export default function App() {
  return (
    <main>
      <Counter start={1} />
    </main>
  );
}

class Old extends React.Component<Props> {
  state = { n: 0 };

  render() {
    return <p>{this.state.n}</p>;
  }
}
