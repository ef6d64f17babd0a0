import * as assert from 'node:assert';
import * as vscode from 'vscode';
import type { Api } from '../../../../editors/vscode/src/extension';
import { extension, file, hits, run, settled, sleep, until } from './editor';

suite('status', () => {
  let api: Api;
  suiteSetup(async function () {
    this.timeout(90_000);
    api = await extension();
  });
  teardown(() => run('workbench.action.closeAllEditors'));

  test('the status bar says that all is well, in words too', async () => {
    await until('idle', () => api.statusBar.text === '$(search) Conexus');
    assert.match(api.statusBar.accessibilityInformation?.label ?? '', /files are indexed/);
    assert.equal(api.statusBar.command, 'conexus.status');
  });

  test('pausing and going on are shown', async () => {
    await run('conexus.pause');
    await until('a pause', () => api.statusBar.text.startsWith('$(debug-pause)'));
    await run('conexus.resume');
    await until('idle', () => api.statusBar.text === '$(search) Conexus');
  });

  test('the index is built anew', async () => {
    const before = api.server.folders.get(vscode.workspace.workspaceFolders?.[0]?.uri.toString() ?? '')?.revision;
    await run('conexus.reindex', true);
    await settled(api);
    assert.equal((await hits(api, 'apply_voucher'))[0]?.path, 'shop/basket.py');
    assert.notEqual(before, undefined);
  });

  test('the page draws what the server says', async () => {
    await hits(api, 'voucher');
    await run('conexus.status');
    await until('charts', () => api.statusPage.drawn.includes('Files by language'));
    const { status, answers } = api.statusPage.told ?? assert.fail();
    assert.ok(status && answers.length > 0);
    assert.equal(status.folders.length, 2);
    for (const heading of ['Queries', 'Edit to searchable', 'Chunks by language', 'Size on disk', 'Skipped files']) {
      assert.ok(api.statusPage.drawn.includes(heading), heading);
    }
    assert.ok(api.statusPage.drawn.some((heading) => heading.endsWith('/shop')));
  });

  test('the page follows the index', async () => {
    await run('conexus.status');
    await until('two folders', () => api.statusPage.told?.status?.folders.length === 2);
    await run('conexus.pause');
    await until('the pause', () => api.statusPage.told?.status?.folders.every((one) => one.phase === 'paused'));
    await run('conexus.resume');
    await until('its end', () => api.statusPage.told?.status?.folders.every((one) => one.phase === 'ready'));
  });

  test('errors are on the page', async () => {
    await run('conexus.restart'); // so that the pause is short
    await run('conexus.status');
    process.kill(api.server.pid ?? assert.fail(), 'SIGKILL');
    await until('the error', () => api.statusPage.told?.errors.at(-1)?.message.includes('SIGKILL'));
    await until('its heading', () => api.statusPage.drawn.includes('Recent errors'));
    await until('another server', () => api.statusPage.told?.phase === 'running');
    await settled(api);
  });

  test('settings take effect without a new start', async () => {
    const { pid } = api.server;
    const vendored = file('vendored/paste.py');
    await vscode.workspace.fs.writeFile(vendored, Buffer.from('def stir_wallpaper_paste(water):\n    return water\n'));
    const there = async (): Promise<boolean> =>
      (await hits(api, 'stir_wallpaper_paste')).some((one) => one.path === 'vendored/paste.py');
    await wait('it is found', there);
    const scope = vscode.workspace.getConfiguration('conexus.scope');
    await scope.update('exclude', ['vendored/'], vscode.ConfigurationTarget.Workspace);
    await wait('it is excluded', async () => !(await there()));
    await scope.update('exclude', undefined, vscode.ConfigurationTarget.Workspace);
    await wait('it is found again', there);
    await vscode.workspace.fs.delete(vendored);
    assert.equal(api.server.pid, pid);
  });

  async function wait(what: string, look: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) if (await look()) return;
    assert.fail(`waited in vain: ${what}`);
  }
});
