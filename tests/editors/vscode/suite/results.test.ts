import * as assert from 'node:assert';
import * as fs from 'node:fs/promises';
import * as vscode from 'vscode';
import type { Api } from '../../../../editors/vscode/src/extension';
import type { FileNode, HitNode } from '../../../../editors/vscode/src/results';
import type { Tracked } from '../../../../editors/vscode/src/tracked';
import { append, closeAll, extension, file, picker, row, run, show, sleep, until, where, type } from './editor';

suite('the view', () => {
  let api: Api;
  suiteSetup(async function () {
    this.timeout(90_000);
    api = await extension();
  });
  teardown(closeAll);

  /** Fill the view. No hook: those are not tried again where the window lost the focus, and the box with it. */
  const pin = async (): Promise<void> => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'how is a voucher applied');
    await row(open, 'shop/basket.py:33');
    await run('conexus.picker.pin');
    await until('results', () => api.results.hits.length > 0);
  };

  /** Return the first hit in a file. */
  const hitIn = (path: string): Tracked =>
    api.results.hits.find((one) => one.uri.path.endsWith(path)) ?? assert.fail(`no hit in ${path}`);
  const item = (tracked: Tracked): vscode.TreeItem => {
    const nodes = api.results.getChildren().flatMap((one) => api.results.getChildren(one)) as HitNode[];
    return api.results.getTreeItem(nodes.find((one) => one.tracked === tracked) ?? assert.fail());
  };

  test('groups by file in the server\'s order, with highlights', async () => {
    await pin();
    const [first] = api.results.getChildren() as FileNode[];
    assert.ok(first);
    assert.equal(api.results.getTreeItem(first).label, 'basket.py');
    const { label, description } = item(hitIn('shop/basket.py'));
    assert.ok(typeof label === 'object' && label);
    const words = label.highlights?.map(([begin, end]) => label.label.slice(begin, end));
    assert.deepEqual(words, ['voucher']);
    assert.equal(description, '33');
    assert.equal(api.results.hits.every((one) => one.freshness === 'current'), true);
  });

  test('follows edits above, and marks what was changed itself', async () => {
    await pin();
    const editor = await show('shop/basket.py');
    const hit = hitIn('shop/basket.py');
    assert.equal(hit.focus.start.line, 32);
    await editor.edit((edit) => { edit.insert(new vscode.Position(0, 0), '# one\n# two\n'); });
    assert.deepEqual([hit.focus.start.line, hit.freshness], [34, 'current']);
    assert.ok(editor.document.lineAt(hit.focus.start.line).text.startsWith('def apply_voucher'));
    await append(editor, '\n# below\n');
    assert.equal(hit.freshness, 'current');
    await editor.edit((edit) => { edit.replace(new vscode.Range(36, 0, 37, 0), '    total = 5\n'); });
    assert.equal(hit.freshness, 'edited');
    assert.match(String(item(hit).description), /35 .*edited since/);
    await run('undo');
    assert.equal(hit.freshness, 'current');
    await run('conexus.results.open', { tracked: hit });
    assert.deepEqual([where().line, where().text], [35, 'def apply_voucher(total, voucher):']);
  });

  test('follows a file that is written, renamed and deleted', async () => {
    await pin();
    const hit = hitIn('tests/test_basket.py');
    const [from, to] = [file('tests/test_basket.py'), file('tests/test voucher #1.py')];
    const before = await fs.readFile(from.fsPath, 'utf8');
    const line = hit.focus.start.line;
    await fs.writeFile(from.fsPath, `"""One."""\n${before}`);
    await until('the new line', () => hit.focus.start.line === line + 1);
    const edit = new vscode.WorkspaceEdit();
    edit.renameFile(from, to);
    assert.ok(await vscode.workspace.applyEdit(edit));
    await until('the new name', () => hit.uri.path === to.path && hit.freshness === 'current');
    // VS Code's watcher does not tell of a file that was there for less than a moment.
    await sleep(1500);
    await fs.rm(to.fsPath);
    await until('its end', () => hit.freshness === 'gone');
    assert.match(String(item(hit).description), /deleted/);
    await fs.writeFile(from.fsPath, before);
  });

  test('is asked again when the index is complete', async () => {
    await run('conexus.results.clear');
    await run('conexus.pause');
    const awning = file('shop/awning.py');
    await vscode.workspace.fs.writeFile(awning, Buffer.from('def unroll_awning(crank):\n    return crank\n'));
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'unroll_awning voucher');
    await row(open, 'Indexing is paused, ');
    await row(open, 'shop/basket.py:');
    await run('conexus.picker.pin');
    await until('results', () => api.results.asked?.answer.progress);
    await run('conexus.resume');
    await until('the new file', () => api.results.hits.some((one) => one.uri.path === awning.path));
    assert.equal(api.results.asked?.answer.progress, undefined);
    await vscode.workspace.fs.delete(awning);
  });

  test('is asked again, and cleared', async () => {
    await pin();
    await run('conexus.results.refresh');
    assert.equal(api.results.hits[0]?.hit.path, 'shop/basket.py');
    await run('conexus.results.clear');
    assert.deepEqual([api.results.hits, api.results.asked], [[], undefined]);
  });
});
