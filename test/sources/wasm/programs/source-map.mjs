// source-map 0.7 (Rust): a generated map parsed and asked, many times.
import { SourceMapConsumer, SourceMapGenerator } from 'source-map';

const generator = new SourceMapGenerator({ file: 'out.js' });
for (let i = 0; i < 2000; i++) {
  generator.addMapping({
    generated: { line: 1 + (i >> 3), column: (i & 7) * 9 },
    original: { line: 1 + ((i * 31) % 500), column: (i * 17) % 80 },
    source: `file${i % 7}.ts`,
    ...(i % 3 === 0 ? { name: `name${i % 50}` } : {}),
  });
}
const text = generator.toString();
const answers = [];
for (let round = 0; round < 10; round++) {
  await SourceMapConsumer.with(text, null, (consumer) => {
    for (let line = 1; line < 240; line += 7)
      answers.push(consumer.originalPositionFor({ line, column: 20 + round }));
    let mappings = 0;
    consumer.eachMapping(() => mappings++);
    answers.push(mappings);
    answers.push(
      consumer.allGeneratedPositionsFor({ source: 'file3.ts', line: 32 + round, column: 0 }).length,
    );
  });
}
console.log(JSON.stringify(answers));
