// Bundles the extension, and the script of its status page.
import { copyFileSync } from 'node:fs';
import { build } from 'esbuild';

const common = { bundle: true, minify: true, logLevel: 'warning', legalComments: 'eof' };
await build({
  ...common,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  platform: 'node',
  target: 'node20', // the extension host of VS Code 1.96
  format: 'cjs',
  external: ['vscode'],
});
await build({
  ...common,
  entryPoints: ['src/page/status.ts'],
  outfile: 'dist/status.js',
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
});
// The license is packed beside them, and kept in one place.
copyFileSync('../../LICENSE', 'LICENSE');
