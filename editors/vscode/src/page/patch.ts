/** Makes what is shown like what is wanted and touches nothing else: focus, selection and place stay, nothing flickers. */

/** Make the children of an element like these nodes. Of an insertion or removal, the others are left where they are. */
export function patch(parent: Element, wanted: readonly Node[]): void {
  let shown = parent.firstChild;
  for (const node of wanted) {
    const like = firstLike(shown, node);
    if (like) {
      removeUntil(shown, like);
      update(like, node);
      shown = like.nextSibling;
    } else {
      parent.insertBefore(node, shown);
    }
  }
  removeUntil(shown, null);
}

function firstLike(from: ChildNode | null, wanted: Node): ChildNode | null {
  let node = from;
  while (node && node.nodeName !== wanted.nodeName) node = node.nextSibling;
  return node;
}

function removeUntil(from: ChildNode | null, end: ChildNode | null): void {
  for (let node = from; node && node !== end; ) {
    const next: ChildNode | null = node.nextSibling;
    node.remove();
    node = next;
  }
}

function update(shown: ChildNode, wanted: Node): void {
  if (!(shown instanceof Element && wanted instanceof Element)) {
    if (shown.nodeValue !== wanted.nodeValue) shown.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name)) shown.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  patch(shown, [...wanted.childNodes]);
}
