// Runs the suites inside the extension host of the real VS Code (mocha, with the real `vscode` module): the page's
// payload names extension and tests, the host runs them, and the workbench reports the exit code to the page.
//   node api.mjs EXTENSION TESTS
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startBrowser, startEditor } from './harness.mjs';
import { kitchen, shop } from './projects.mjs';

const [extension, tests] = process.argv.slice(2).map((path) => resolve(path));
const LIMIT_MS = 480_000;
const old = Boolean(process.env.VSCODE_FLOOR);
const editor = await startEditor({
  projects: { shop, 'kitchen & co': kitchen },
  // A built VS Code listens to test paths only with this; 1.96 does so anyway and does not know it.
  args: old ? [] : ['--vscode-option', 'enable-smoke-test-driver'],
  env: { SPEC_GREP: process.env.SPEC_GREP ?? '' },
});
const report = join(editor.root, 'report.txt');
const { browser, page } = await startBrowser();
const remote = (path) => `vscode-remote://${new URL(editor.url).host}${path}`;
const address = editor.address([
  ['extensionDevelopmentPath', remote(extension)],
  ['extensionTestsPath', remote(tests)],
  ['skipWelcome', 'true'],
]);
let exit;
/** Return the exit code of one run. */
const run = async () => {
  let timer;
  const ended = new Promise((ok, no) => {
    exit = ok;
    timer = setTimeout(() => no(new Error('the tests did not end in time')), LIMIT_MS);
  });
  await page.goto(address);
  return ended.finally(() => clearTimeout(timer));
};
let code = 2;
try {
  await page.exposeFunction('codeAutomationLog', (type, args) => {
    if (process.env.SHOW_LOGS) console.log(type, ...args);
  });
  await page.exposeFunction('codeAutomationExit', (code) => exit(code));
  code = await run();
  // See `openWorkspace`; the suites see to it that there are folders before the first test, with which the report begins.
  for (let tries = 1; tries < 4 && code && !existsSync(report); tries++) code = await run();
} catch (error) {
  console.log(error.message);
} finally {
  if (existsSync(report)) console.log(readFileSync(report, 'utf8'));
  if (process.env.OUT) await page.screenshot({ path: join(process.env.OUT, 'api.png') });
  if (code) console.log(editor.log(), editor.output().slice(-2000));
  await browser.close();
  const left = await editor.stop();
  if (left.length > 0) {
    console.log(`still running after the editor ended: ${left.join('; ')}`);
    code ||= 1;
  }
}
process.exit(code);
