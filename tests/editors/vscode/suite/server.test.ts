import * as assert from 'node:assert';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Api } from '../../../../editors/vscode/src/extension';
import { append, closeAll, extension, file, hits, jump, picker, row, run, settled, show, until } from './editor';

suite('the server', () => {
  let api: Api;
  suiteSetup(async function () {
    this.timeout(90_000);
    api = await extension();
  });
  teardown(async () => {
    await api.searches.picker?.leave(true);
    await closeAll();
  });
  const configured = (value?: string): Thenable<void> =>
    vscode.workspace.getConfiguration('conexus.server').update('path', value, vscode.ConfigurationTarget.Workspace);

  test('killed while in use: it is said, and the next search works', async () => {
    const editor = await show('shop/mail.py');
    await append(editor, '\n\ndef pack_fragile_goods(box):\n    return box\n');
    await settled(api);
    const before = api.server.pid ?? assert.fail();
    process.kill(before, 'SIGKILL');
    const there = await jump(api, 'pack_fragile_goods', 'shop/mail.py:9');
    assert.equal(there.text, 'def pack_fragile_goods(box):');
    assert.notEqual(api.server.pid, before);
    assert.match(api.server.errors.at(-1)?.message ?? '', /ended \(SIGKILL\)\. It is started again/);
  });

  test('killed while nobody asks: it is started again by itself', async () => {
    const before = api.server.pid ?? assert.fail();
    process.kill(before, 'SIGKILL');
    await until('a pause', () => api.server.state.phase === 'waiting');
    assert.ok(api.statusBar.text.startsWith('$(warning)'));
    await until('another server', () => api.server.state.phase === 'running');
    assert.notEqual(api.server.pid, before);
  });

  test('each end soon after a start lengthens the pause before the next', async () => {
    await run('conexus.restart');
    const pauses: string[] = [];
    for (let time = 0; time < 2; time++) {
      process.kill(api.server.pid ?? assert.fail(), 'SIGKILL');
      await until('a pause', () => api.server.state.phase === 'waiting');
      pauses.push(/again in (\d+) s/.exec(api.server.state.message)?.[1] ?? '');
      await until('another server', () => api.server.state.phase === 'running');
    }
    assert.deepEqual(pauses, ['1', '2']);
    assert.equal(api.server.errors.filter((one) => one.message.includes('SIGKILL')).length >= 2, true);
    await settled(api);
  });

  test('it runs where the files are, as in Remote, WSL and container windows', async () => {
    // This VS Code has its window in a browser and its extensions beside the files: it is a remote one.
    assert.ok(vscode.env.remoteName);
    assert.equal(vscode.env.uiKind, vscode.UIKind.Web);
    const ours = vscode.extensions.getExtension('conexus.conexus') ?? assert.fail();
    assert.equal(ours.extensionKind, vscode.ExtensionKind.Workspace);
    const command = api.server.found?.command ?? assert.fail();
    assert.ok((await fs.stat(command)).isFile());
    assert.equal(file('shop/mail.py').scheme, 'file');
    assert.equal((await hits(api, 'send_invoice'))[0]?.uri, file('shop/mail.py').toString());
  });

  test('an engine that is killed is replaced, and knows the unsaved text', async () => {
    const editor = await show('shop/mail.py');
    await append(editor, '\n\ndef pack_fragile_goods(box):\n    return box\n');
    await settled(api);
    const { pid } = await api.server.ask('conexus/status', {});
    process.kill(pid, 'SIGKILL');
    await settled(api);
    const [first] = await hits(api, 'pack_fragile_goods');
    assert.equal(first?.path, 'shop/mail.py');
    assert.notEqual((await api.server.ask('conexus/status', {})).pid, pid);
  });

  test('a new start is a new server that knows the unsaved text', async () => {
    const editor = await show('shop/mail.py');
    await append(editor, '\n\ndef label_crates(crates):\n    return crates\n');
    const before = api.server.pid;
    await run('conexus.restart');
    assert.notEqual(api.server.pid, before);
    await settled(api);
    assert.equal((await hits(api, 'label_crates'))[0]?.path, 'shop/mail.py');
  });

  test('a wrong setting is named, and put right without a reload', async () => {
    const { command, origin } = api.server.found ?? assert.fail();
    assert.equal(origin, 'path');
    await configured('/no/such/conexus');
    await until('the failure', () => api.server.state.phase === 'missing');
    assert.match(api.server.state.message, /conexus\.server\.path is "\/no\/such\/conexus"/);
    assert.ok(api.statusBar.text.startsWith('$(error)'));
    await run('conexus.search', 'voucher');
    const open = await picker(api);
    await row(open, 'conexus.server.path is');
    await row(open, 'Install the server');
    await open.leave(true);
    await configured(command);
    await until('the server', () => api.server.state.phase === 'running');
    assert.equal(api.server.found?.origin, 'setting');
    await configured();
    await until('PATH', () => api.server.state.phase === 'running' && api.server.found?.origin === 'path');
    await settled(api);
  });

  suite('not on PATH', () => {
    const home = process.env.HOME ?? '';
    const bin = path.join(home, '.local', 'bin');
    let before: string | undefined;
    let command: string;

    setup(async () => {
      command = api.server.found?.command ?? assert.fail();
      before = process.env.PATH;
      process.env.PATH = '/usr/bin:/bin';
      await fs.mkdir(bin, { recursive: true });
      await run('conexus.restart');
      assert.equal(api.server.state.phase, 'missing');
    });
    teardown(async () => {
      process.env.PATH = before;
      await fs.rm(bin, { recursive: true });
      await fs.rm(api.server.installed, { recursive: true, force: true });
      await run('conexus.restart');
      assert.equal(api.server.state.phase, 'running');
      await settled(api);
    });
    /** Settings of extensions that are not here can be read, but not be set by others. */
    const workspaceSettings = async (settings: object): Promise<void> => {
      const folders = vscode.workspace.workspaceFolders?.map((one) => ({ path: one.uri.fsPath }));
      const workspace = vscode.workspace.workspaceFile ?? assert.fail();
      await fs.writeFile(workspace.fsPath, JSON.stringify({ folders, settings }));
    };
    const tool = async (name: string, body: string): Promise<void> => {
      await fs.writeFile(path.join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    };

    test('the selected Python environment has it', async () => {
      const interpreter = path.join(path.dirname(command), 'python');
      const selected = (): unknown => vscode.workspace.getConfiguration('python').get('defaultInterpreterPath');
      await workspaceSettings({ 'python.defaultInterpreterPath': interpreter });
      await until('the setting', () => selected() === interpreter);
      await run('conexus.restart');
      assert.deepEqual([api.server.found?.command, api.server.found?.origin], [command, 'python']);
      await workspaceSettings({});
      await until('no setting', () => selected() === undefined);
    });

    test('it is installed by uv', async () => {
      // uv itself would need a registry: what stands in for it puts a command where uv does.
      await tool('uv', `echo "installed $*"; ln -s "${command}" "${path.join(bin, 'conexus')}"`);
      await run('conexus.install', 'uv');
      assert.equal(api.server.state.phase, 'running');
      assert.equal(api.server.found?.command, path.join(bin, 'conexus'));
      await settled(api);
    });

    test('it is installed in a virtual environment of the extension', async () => {
      // Python itself would need a registry, too: this one makes an environment whose pip brings the command.
      const made = '[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && exit';
      await tool('python3.13', `${made}\necho "$*"; ln -s "${command}" "$(dirname "$0")/conexus"`);
      process.env.PATH = `${bin}:/usr/bin:/bin`;
      await run('conexus.install', 'venv');
      assert.equal(api.server.state.phase, 'running');
      const { command: found, origin } = api.server.found ?? assert.fail();
      assert.deepEqual([found, origin], [path.join(api.server.installed, 'bin', 'conexus'), 'installed']);
      await settled(api);
    });

    test('a failure to install is shown, and nothing is half done', async () => {
      await tool('pipx', 'echo "no space left on device" >&2; exit 1');
      await run('conexus.install', 'pipx');
      assert.equal(api.server.state.phase, 'missing');
    });
  });
});
