// Takes the pictures of docs/assets: what a user sees who searches this repository in the real VS Code.
//   VSIX   the package; OUT  where pictures go: search, results, status, and the frames of the recorded flow
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openWorkspace, startBrowser, startEditor } from './harness.mjs';

const repository = join(import.meta.dirname, '../../..');
const tracked = execFileSync('git', ['ls-files', 'server/conexus', 'docs', 'tests/workspace', 'README.md'], { cwd: repository, encoding: 'utf8' });
const text = (path) => (/\.(py|md|toml)$/.test(path) ? readFileSync(join(repository, path), 'utf8') : '\0');
const conexus = Object.fromEntries(tracked.trim().split('\n').map((path) => [path, text(path)]));
const out = resolve(process.env.OUT);
mkdirSync(out, { recursive: true });

const editor = await startEditor({ projects: { conexus }, vsix: process.env.VSIX });
const { browser, page } = await startBrowser();
let frame = 0;
const shot = (name) => page.screenshot({ path: join(out, `${name}.png`) });
const keep = () => shot(`frame-${String(frame++).padStart(2, '0')}`);
const quick = page.locator('.quick-input-widget');
const rows = quick.locator('.monaco-list-row');

/** Type a question part by part, and wait for the row that is wanted. */
async function ask(words, found) {
  await page.keyboard.press('Control+Alt+f');
  await page.locator('.quick-input-title', { hasText: 'Conexus: Search' }).waitFor();
  for (const part of words) {
    await page.keyboard.type(part, { delay: 20 });
    await page.waitForTimeout(700);
    await keep();
  }
  await rows.filter({ hasText: found }).first().waitFor();
}

async function run(command) {
  await page.keyboard.press('F1');
  await quick.locator('.quick-input-box input').fill(`>${command}`);
  await quick.locator('.monaco-list-row.focused', { hasText: command }).waitFor();
  await page.keyboard.press('Enter');
}

try {
  await openWorkspace(page, editor);
  await page.locator('.statusbar-item a[aria-label$=" files are indexed"]').waitFor({ timeout: 120_000 });
  await page.keyboard.press('Control+p');
  await quick.locator('.quick-input-box input').fill('conexus/log.py');
  await rows.filter({ hasText: 'log.py' }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.tab.active', { hasText: 'log.py' }).waitFor();
  await page.waitForTimeout(1500); // Syntax is coloured late.

  await ask(['files that hold ', 'secrets are left out'], 'secret');
  await shot('search');
  await page.keyboard.press('ArrowDown');
  await page.waitForTimeout(700);
  await keep();
  await page.keyboard.press('Enter');
  await quick.waitFor({ state: 'hidden' });
  await page.waitForTimeout(700);
  await keep();

  await run('Conexus: Focus on Results View');
  await page.locator('.pane-body .monaco-list-row').first().waitFor();
  const edge = await page.locator('.monaco-sash.vertical').nth(1).boundingBox();
  if (edge) {
    await page.mouse.move(edge.x + 2, 400);
    await page.mouse.down();
    await page.mouse.move(edge.x + 150, 400);
    await page.mouse.up();
  }
  await page.mouse.move(900, 500);
  await page.waitForTimeout(500);
  await shot('results');
  await run('View: Close Primary Side Bar');

  await page.locator('.view-lines').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('\n\ndef mask_card_numbers(text: str) -> str:\nreturn CARD.sub("****", text)\n', { delay: 5 });
  await page.waitForTimeout(500);
  await keep();
  await page.keyboard.press('Control+Home');
  await ask(['hide credit card numbers'], 'mask_card_numbers');
  await page.keyboard.press('Enter');
  await quick.waitFor({ state: 'hidden' });
  await page.waitForTimeout(500);
  await keep();

  await run('Conexus: Show Status');
  const inner = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  await inner.locator('figure svg').first().waitFor();
  await page.setViewportSize({ width: 1200, height: 960 });
  await page.waitForTimeout(1000);
  await shot('status');
} catch (error) {
  await shot('failure');
  throw error;
} finally {
  await browser.close();
  await editor.stop();
}
