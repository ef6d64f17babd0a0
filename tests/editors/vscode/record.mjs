// Records what the real VS Code says to the server while one searches and types, for tests/lsp/test_recording.py:
//   VSIX=… VSCODE_DIR=… node record.mjs [OUT]
// Each line of OUT is one message of the client, with the project's path replaced by ${ROOT}.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { script, openWorkspace, startBrowser, startEditor } from './harness.mjs';
import { shop } from './projects.mjs';

const out = resolve(process.argv[2] ?? join(import.meta.dirname, '../../lsp/recordings/vscode-1.139.jsonl'));
const tee = resolve(import.meta.dirname, '../record_session.py');
const which = (name) => execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
const home = mkdtempSync(join(tmpdir(), 'conexus-record-'));
const log = join(home, 'messages');
mkdirSync(join(home, 'bin'));
script(join(home, 'bin', 'conexus'), `exec "${which('python3')}" "${tee}" --tee "${log}" "${which('conexus')}" "$@"`);

const editor = await startEditor({
  projects: { shop },
  vsix: process.env.VSIX,
  env: { PATH: [join(home, 'bin'), process.env.PATH].join(delimiter) },
});
const { browser, page } = await startBrowser();
try {
  await openWorkspace(page, editor);
  const quick = page.locator('.quick-input-widget');
  const row = (text) => quick.locator('.monaco-list-row', { hasText: text }).first().waitFor();
  const search = async (words, wanted) => {
    await page.keyboard.press('Control+Alt+f');
    await page.locator('.quick-input-title', { hasText: 'Conexus: Search' }).waitFor();
    await page.keyboard.type(words, { delay: 25 });
    await row(wanted);
  };
  const enter = async (text) => {
    await page.keyboard.press('Enter');
    await quick.waitFor({ state: 'hidden' });
    await page.locator('.view-line', { hasText: text }).first().waitFor();
  };
  await page.locator('.statusbar-item', { hasText: /^\s*Conexus\s*$/ }).waitFor();
  await search('parse_barcode', 'legacy.c:36');
  await page.locator('.view-line', { hasText: 'parse_barcode' }).first().waitFor();
  await page.keyboard.press('Escape');
  await quick.waitFor({ state: 'hidden' });
  await search('how is a voucher applied', 'apply_voucher');
  await enter('def apply_voucher');
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('# Größe 😀\n# zwei\n# drei\n');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+y');
  await page.keyboard.press('Control+End');
  await page.keyboard.type('\n\ndef wrap_as_a_present(parcel):\nreturn parcel.wrap()\n');
  await search('wrap it up as a present', 'wrap_as_a_present');
  await enter('def wrap_as_a_present');
  await page.keyboard.press('Control+t');
  await page.keyboard.type('wrap_as');
  await row('wrap_as_a_present');
  await page.keyboard.press('Escape');
} finally {
  await browser.close();
  await editor.stop();
}
const root = join(editor.root, 'projects', 'shop');
const text = readFileSync(log, 'utf8').replaceAll(root, '${ROOT}').replaceAll(editor.root, '/home/me');
const lines = text.trim().split('\n').map((line) => {
  const message = JSON.parse(line);
  if (message.method === 'initialize') message.params.processId = null;
  return JSON.stringify(message);
});
writeFileSync(out, lines.join('\n') + '\n');
if (existsSync(home)) rmSync(home, { recursive: true });
console.log(`${lines.length} messages`);
