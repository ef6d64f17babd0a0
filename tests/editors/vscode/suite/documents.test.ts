import * as assert from 'node:assert';
import * as fs from 'node:fs/promises';
import * as vscode from 'vscode';
import type { Api } from '../../../../editors/vscode/src/extension';
import { append, closeAll, extension, file, hits, jump, picker, row, run, settled, show, sleep, type, where } from './editor';

suite('documents', () => {
  let api: Api;
  suiteSetup(async function () {
    this.timeout(90_000);
    api = await extension();
  });
  teardown(async () => {
    await api.searches.picker?.leave(true);
    await closeAll();
  });

  test('unsaved text is found, and forgotten with its editor', async () => {
    const editor = await show('shop/mail.py');
    await append(editor, '\n\ndef pack_fragile_goods(box):\n    return box\n');
    await settled(api);
    const there = await jump(api, 'pack_fragile_goods', 'shop/mail.py:');
    assert.deepEqual(there, { path: 'shop/mail.py', line: 9, text: 'def pack_fragile_goods(box):' });
    await closeAll();
    await found('pack_fragile_goods', undefined);
  });

  test('a jump lands on the right line of a text that was edited since', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'how is a voucher applied');
    const found = await row(open, 'shop/basket.py:');
    const edit = new vscode.WorkspaceEdit();
    edit.insert(file('shop/basket.py'), new vscode.Position(0, 0), '# one\n# two\n# three\n');
    assert.ok(await vscode.workspace.applyEdit(edit));
    await open.accept(found);
    assert.deepEqual(where(), { path: 'shop/basket.py', line: 36, text: 'def apply_voucher(total, voucher):' });
  });

  test('a jump lands on the right line of a file that was written since', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'parse_barcode');
    const found = await row(open, 'windows/legacy.c:36');
    const path = file('windows/legacy.c').fsPath;
    const before = await fs.readFile(path, 'utf8');
    await fs.writeFile(path, `/* one */\r\n/* two */\r\n${before}`);
    try {
      await open.accept(found);
      assert.deepEqual([where().path, where().text], ['windows/legacy.c', 'static int parse_barcode(const char *digits)']);
    } finally {
      await closeAll();
      await fs.writeFile(path, before);
    }
  });

  test('names with umlauts, # and spaces; columns behind wide characters', async () => {
    const there = await jump(api, 'bestimme_größe', 'c# code/größe #1.py:34');
    assert.deepEqual(there, {
      path: 'c# code/größe #1.py',
      line: 34,
      text: 'def bestimme_größe(maß):  # 😀 Schuhgröße',
    });
    const editor = vscode.window.activeTextEditor ?? assert.fail();
    const line = editor.document.lineAt(33);
    const before = '# 😀 ';
    await editor.edit((edit) => { edit.insert(line.range.start, before); });
    const column = line.text.indexOf('Schuhgröße') + before.length;
    await editor.edit((edit) => { edit.replace(new vscode.Range(33, column, 33, column + 10), 'Stiefelweite'); });
    await settled(api);
    const [hit] = await hits(api, 'Stiefelweite');
    assert.ok(hit);
    assert.ok(hit.excerpt.includes('Stiefelweite'));
    const { start, end } = hit.range;
    const shown = editor.document.getText(new vscode.Range(start.line, start.character, end.line, end.character));
    assert.equal(shown, hit.excerpt);
    assert.equal(hit.version, editor.document.version);
  });

  test('CRLF: the excerpt is the text of the range', async () => {
    const { document } = await show('windows/legacy.c');
    assert.equal(document.eol, vscode.EndOfLine.CRLF);
    const hit = (await hits(api, 'parse_barcode')).find((one) => one.path === 'windows/legacy.c');
    assert.ok(hit);
    const { start, end } = hit.range;
    assert.equal(document.getText(new vscode.Range(start.line, start.character, end.line, end.character)), hit.excerpt);
  });

  test('edits of a CRLF file keep positions right', async () => {
    const editor = await show('windows/legacy.c');
    const above = 'static int weigh_parcel(int grams) { return grams; } // 漢字 😀\n\n';
    assert.ok(await editor.edit((edit) => { edit.insert(new vscode.Position(0, 0), above); }));
    await settled(api);
    assert.equal((await jump(api, 'weigh_parcel', 'windows/legacy.c:1')).line, 1);
    const there = await jump(api, 'parse_barcode', 'windows/legacy.c:38');
    assert.deepEqual([there.line, there.text], [38, 'static int parse_barcode(const char *digits)']);
    assert.equal(editor.document.eol, vscode.EndOfLine.CRLF);
  });

  test('a deleted file is not found any more, and its open document still is', async () => {
    const uri = file('shop/glue.py');
    await vscode.workspace.fs.writeFile(uri, Buffer.from('def boil_glue(pot):\n    return pot\n'));
    await found('boil_glue', 'shop/glue.py');
    const editor = await show('shop/glue.py');
    assert.ok(await editor.edit((edit) => { edit.insert(new vscode.Position(0, 0), '# hot\n'); }));
    await settled(api);
    await fs.rm(uri.fsPath);
    const there = await jump(api, 'boil_glue', 'shop/glue.py:2');
    assert.deepEqual([there.line, there.text], [2, 'def boil_glue(pot):']);
    // VS Code closes no document with changes whose file it cannot read again.
    await fs.writeFile(uri.fsPath, '');
    await closeAll();
    await found('boil_glue', undefined);
    await vscode.workspace.fs.delete(uri);
  });

  test('a folder that is added to the workspace is searched with it, until it is removed', async () => {
    const uri = vscode.Uri.joinPath(file('bread.py', 1), '../../third folder #3 für Ä');
    await vscode.workspace.fs.writeFile(
      vscode.Uri.joinPath(uri, 'wagon.py'), Buffer.from('def couple_wagons(train):\n    return train\n'));
    assert.ok(vscode.workspace.updateWorkspaceFolders(2, 0, { uri }));
    await found('couple_wagons', 'wagon.py');
    const there = await jump(api, 'couple_wagons', 'third folder #3 für Ä/wagon.py:1');
    assert.equal(there.text, 'def couple_wagons(train):');
    assert.ok(vscode.workspace.updateWorkspaceFolders(2, 1));
    await found('couple_wagons', undefined);
  });

  test('code like the selection of a file', async () => {
    const editor = await show('windows/legacy.c');
    editor.selection = new vscode.Selection(3, 0, 12, 0);
    await run('conexus.searchSelection');
    const open = await picker(api);
    await row(open, 'shop/basket.py');
    assert.match(open.pick.title ?? '', /Similar/);
  });

  test('code like the selection of an unnamed buffer', async () => {
    const document = await vscode.workspace.openTextDocument({
      language: 'python',
      content: 'def redeem(total, coupon):\n    """Reduce the total by a voucher, never below zero."""\n    return max(0, total)\n',
    });
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(0, 0, 3, 0);
    await run('conexus.searchSelection');
    await row(await picker(api), 'apply_voucher');
  });

  test('an unnamed buffer is found when it has become a file', async () => {
    const document = await vscode.workspace.openTextDocument({ content: 'def rent_forklift(days):\n    return days\n' });
    await vscode.window.showTextDocument(document);
    const uri = file('shop/forklift.py');
    await vscode.workspace.fs.writeFile(uri, Buffer.from(document.getText()));
    await found('rent_forklift', 'shop/forklift.py');
    await vscode.workspace.fs.delete(uri);
  });

  test('what belongs to a file', async () => {
    await show('shop/basket.py');
    await run('conexus.related');
    await row(await picker(api), 'tests/test_basket.py');
  });

  test('every folder is searched, and named', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'knead the dough');
    const found = await row(open, 'kitchen & co/bread.py:');
    await open.accept(found);
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), file('bread.py', 1).toString());
  });

  test('renamed and deleted files', async () => {
    const [from, to] = [file('shop/old name #1.py'), file('shop/new name.py')];
    await vscode.workspace.fs.writeFile(from, Buffer.from('def lease_pallet_truck(days):\n    return days\n'));
    await found('lease_pallet_truck', 'shop/old name #1.py');
    const edit = new vscode.WorkspaceEdit();
    edit.renameFile(from, to);
    assert.ok(await vscode.workspace.applyEdit(edit));
    await found('lease_pallet_truck', 'shop/new name.py');
    const removal = new vscode.WorkspaceEdit();
    removal.deleteFile(to);
    assert.ok(await vscode.workspace.applyEdit(removal));
    await found('lease_pallet_truck', undefined);
  });

  test('a file that is gone is said', async () => {
    const uri = file('shop/ladder.py');
    await vscode.workspace.fs.writeFile(uri, Buffer.from('def climb_ladder(steps):\n    return steps\n'));
    await found('climb_ladder', 'shop/ladder.py');
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'climb_ladder');
    const wanted = await row(open, 'shop/ladder.py:1');
    await fs.rm(uri.fsPath);
    await closeAll();
    await open.accept(wanted);
    assert.equal(vscode.window.activeTextEditor, undefined);
  });

  /** Wait until a word is found in a file, or nowhere: what happens to files is heard of a little later. */
  async function found(word: string, path: string | undefined): Promise<void> {
    let places: string[] = [];
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      places = (await hits(api, word)).filter((hit) => hit.excerpt.includes(word)).map((hit) => hit.path);
      if (places[0] === path) return;
      await sleep(100); // Questions come before what happens in the background.
    }
    assert.fail(`${word} is in ${places.join(', ') || 'nothing'} and not in ${path ?? 'nothing'}`);
  }
});
