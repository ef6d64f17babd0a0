// Bundles the suites for the extension host: node build.mjs OUT. mocha finds its reporters at run time, beside it.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const here = import.meta.dirname;
const { build } = createRequire(join(here, '../../../editors/vscode/package.json'))('esbuild');
const suites = readdirSync(join(here, 'suite')).filter((name) => name === 'index.ts' || name.endsWith('.test.ts'));
await build({
  entryPoints: suites.map((name) => join(here, 'suite', name)),
  outdir: process.argv[2],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['vscode', 'mocha'],
  sourcemap: 'inline',
  logLevel: 'warning',
});
