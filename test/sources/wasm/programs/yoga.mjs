// yoga-layout: trees of boxes with measure callbacks (JavaScript called from WebAssembly called from JavaScript).
import Yoga, { Direction, FlexDirection, Wrap } from 'yoga-layout';

const sizes = [];
for (let round = 0; round < 20; round++) {
  const root = Yoga.Node.create();
  root.setWidth(300 + round);
  root.setFlexDirection(FlexDirection.Row);
  root.setFlexWrap(Wrap.Wrap);
  for (let i = 0; i < 15; i++) {
    const child = Yoga.Node.create();
    if (i % 3 === 0) {
      child.setMeasureFunc((width) => ({ width: Math.min(width, 40 + i), height: 10 + round }));
    } else {
      child.setWidth(20 + i);
      child.setHeight(7);
    }
    child.setFlexGrow(i % 2);
    root.insertChild(child, i);
  }
  root.calculateLayout(undefined, undefined, Direction.LTR);
  for (let i = 0; i < 15; i++) sizes.push(root.getChild(i).getComputedLayout());
  sizes.push(root.getComputedHeight());
  root.freeRecursive();
}
console.log(JSON.stringify(sizes));
