// The first run, as a user sees it: a folder nobody trusts, and no server on the machine: mocha first.mjs
//   VSIX   the package; OUT  where screenshots go
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { script, openWorkspace, startBrowser, startEditor } from './harness.mjs';
import { shop } from './projects.mjs';

const out = process.env.OUT && resolve(process.env.OUT);
if (out) mkdirSync(out, { recursive: true });
const conexus = execFileSync('sh', ['-c', 'command -v conexus'], { encoding: 'utf8' }).trim();
/** Enough files that one can see them being indexed. */
const stock = Object.fromEntries(
  Array.from({ length: 1500 }, (_, n) => [`stock/article_${n}.py`, `def article_${n}(count):\n    return count * ${n}\n`]),
);

suite('VS Code, for the first time', () => {
  let editor, browser, page, quick, rows, bin, trap;
  const status = () => page.locator('.statusbar-item', { hasText: 'Conexus' }).first().locator('a');
  const toast = (text) => page.locator('.notification-toast', { hasText: text });
  const command = async (title) => {
    await page.keyboard.press('F1');
    await quick.locator('.quick-input-box input').fill(`>${title}`);
  };
  /** Run a command that asks for nothing. */
  const run = async (title) => {
    await choose(title);
    await quick.waitFor({ state: 'hidden' });
    // Where the focus goes next, it goes a little later, and a box that is open by then would close.
    await page.waitForTimeout(300);
  };
  /** Close what was opened last: in a dialog since some version, in an editor before. */
  const close = async () => {
    const dialog = page.locator('.monaco-modal-editor-block');
    if (await dialog.count()) await dialog.locator('[aria-label^="Close"]').first().click();
    else await page.locator('.tab.active').click({ button: 'middle' });
    await dialog.waitFor({ state: 'detached' });
  };
  const choose = async (title) => {
    await command(title);
    await quick.locator('.monaco-list-row.focused', { hasText: title }).waitFor();
    await page.keyboard.press('Enter');
  };
  /** Wait until the status bar says something. */
  const says = async (label) => {
    let said;
    for (const end = Date.now() + 30_000; Date.now() < end; await page.waitForTimeout(100)) {
      said = (await status().count()) && (await status().getAttribute('aria-label'));
      if (label.test(said)) return;
    }
    assert.match(said, label);
  };

  suiteSetup(async () => {
    editor = await startEditor({
      projects: { shop: { ...shop, ...stock } },
      vsix: process.env.VSIX,
      trusted: false,
      // What a workspace would have run.
      workspaceSettings: (root) => ({
        'conexus.server.path': join(root, 'trap', 'conexus'),
        'python.defaultInterpreterPath': join(root, 'trap', 'python'),
      }),
      env: { PATH: '/usr/bin:/bin' },
    });
    trap = join(editor.root, 'trap', 'sprung');
    for (const name of ['conexus', 'python']) script(join(editor.root, 'trap', name), `touch '${trap}'`);
    bin = join(editor.root, '.local', 'bin');
    script(join(bin, 'python3'), 'exit 1');
    ({ browser, page } = await startBrowser());
    await openWorkspace(page, editor);
    quick = page.locator('.quick-input-widget');
    rows = quick.locator('.monaco-list-row');
  });
  suiteTeardown(async () => {
    await browser?.close();
    assert.deepEqual(await editor?.stop(), []);
  });
  teardown(async function () {
    if (this.currentTest.state === 'failed' && out) await page.screenshot({ path: join(out, 'first-failure.png') });
  });

  test('nothing runs that a workspace nobody trusts names', async () => {
    await page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor();
    await says(/The server `conexus` was not found on this machine/);
    await toast('was not found on this machine').waitFor();
    assert.ok(!existsSync(trap));
  });

  test('nothing is installed there, and the way to trust it is offered', async () => {
    await toast('was not found').getByRole('button', { name: 'Install…' }).click();
    const refusal = toast('In a workspace that is not trusted, no server is installed.');
    await refusal.getByRole('button', { name: 'Manage Workspace Trust' }).waitFor();
    await command('Conexus: Install Server');
    await quick.locator('.quick-input-list', { hasText: 'No matching' }).or(rows.first()).first().waitFor();
    assert.equal(await rows.filter({ hasText: 'Conexus: Install Server' }).count(), 0);
    await page.keyboard.press('Escape');
  });

  test('a search says what is missing', async () => {
    await page.keyboard.press('Control+Alt+f');
    await page.locator('.quick-input-title', { hasText: 'Conexus: Search' }).waitFor();
    await page.keyboard.type('voucher');
    await rows.filter({ hasText: 'was not found on this machine' }).waitFor();
    await rows.filter({ hasText: 'Show the logs' }).waitFor();
    await page.keyboard.press('Escape');
    await quick.waitFor({ state: 'hidden' });
  });

  test('a server on PATH serves it, without what the workspace says; answers come before all is indexed', async () => {
    symlinkSync(conexus, join(bin, 'conexus'));
    const busy = page.locator('.statusbar-item', { hasText: /Conexus \d+ %/ }).waitFor();
    await run('Conexus: Restart Server');
    await page.keyboard.press('Control+Alt+f');
    await page.locator('.quick-input-title', { hasText: 'Conexus: Search' }).waitFor();
    await page.keyboard.type('article_1499');
    await Promise.all([busy, rows.filter({ hasText: /Still indexing, \d+ %: \d+ files to go/ }).waitFor()]);
    await rows.filter({ hasText: 'stock/article_1499.py' }).first().waitFor();
    await rows.filter({ hasText: 'Still indexing' }).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await quick.waitFor({ state: 'hidden' });
    await says(/files are indexed/);
    assert.ok(!existsSync(trap));
    rmSync(join(bin, 'conexus'));
  });

  test('once the workspace is trusted, its setting counts', async () => {
    await run('Workspaces: Manage Workspace Trust');
    await page.locator('.workspace-trust-buttons-row .monaco-button', { hasText: /^Trust$/ }).first().click();
    await close();
    for (let tries = 0; !existsSync(trap) && tries < 200; tries++) await page.waitForTimeout(100);
    assert.ok(existsSync(trap));
    // Without it, there is no server again.
    writeFileSync(editor.workspace, JSON.stringify({ folders: [{ path: editor.folders[0] }] }));
    await toast('The Conexus server did not start').waitFor();
    assert.equal(await toast('Conexus client').count(), 0);
    await says(/The server `conexus` was not found on this machine/);
  });

  test('the walkthrough has its four steps', async () => {
    await run('Notifications: Clear All Notifications'); // They lie above it.
    await choose('Welcome: Open Walkthrough...');
    await rows.filter({ hasText: 'Find code by meaning' }).first().click();
    const steps = page.locator('.getting-started-step .step-title');
    await steps.first().waitFor();
    assert.deepEqual(await steps.allInnerTexts(), ['Install the server', 'Ask', 'Keep results', 'See what is indexed']);
    const step = (title) => page.locator('.getting-started-step.expanded', { hasText: title });
    await steps.nth(2).click();
    await step('Keep results').getByRole('button', { name: 'Show Results' }).waitFor();
    await steps.nth(0).click();
    await step('Install the server').getByRole('button', { name: 'Install Server' }).waitFor();
    const picture = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
    await picture.getByText('The server is a Python package').waitFor({ state: 'attached' });
    await page.waitForTimeout(out ? 500 : 0);
    if (out) await page.screenshot({ path: join(out, 'walkthrough.png') });
    await close();
  });

  test('a failure to install is said by what failed', async () => {
    await run('Notifications: Clear All Notifications');
    script(join(bin, 'uv'), 'echo "Resolved 7 packages"; sleep 2; echo "no space left on device" >&2; exit 1');
    await choose('Conexus: Install Server');
    await rows.filter({ hasText: 'a virtual environment of this extension' }).waitFor();
    await rows.filter({ hasText: 'uv tool install conexus-lsp' }).click();
    await toast('Installing the Conexus server').filter({ hasText: 'Resolved 7 packages' }).waitFor();
    await toast('The server was not installed').filter({ hasText: 'no space left on device' }).waitFor();
    await says(/was not found on this machine/);
  });

  test('an installation shows its progress, and then one searches', async () => {
    // Of many messages, only some are shown at once.
    await run('Notifications: Clear All Notifications');
    script(join(bin, 'uv'), `echo "Installed $*"; sleep 3; ln -s '${conexus}' '${join(bin, 'conexus')}'`);
    await choose('Conexus: Install Server');
    await rows.filter({ hasText: 'uv tool install conexus-lsp' }).click();
    await toast('Installing the Conexus server').filter({ hasText: 'Installed tool install conexus-lsp' }).waitFor();
    await says(/files are indexed/);
    await page.keyboard.press('Control+Alt+f');
    await page.locator('.quick-input-title', { hasText: 'Conexus: Search' }).waitFor();
    await page.keyboard.type('parse_barcode');
    await rows.filter({ hasText: 'legacy.c:36' }).first().waitFor();
    await page.keyboard.press('Escape');
  });
});
