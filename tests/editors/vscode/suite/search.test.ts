import * as assert from 'node:assert';
import * as vscode from 'vscode';
import type { Api } from '../../../../editors/vscode/src/extension';
import type { SearchParams, SearchResult } from '../../../../editors/vscode/src/protocol';
import { closeAll, extension, file, jump, picker, row, run, show, sleep, type, until, where, words } from './editor';

type Searching = (
  params: SearchParams,
  token: vscode.CancellationToken | undefined,
  ask: () => Promise<SearchResult>,
) => Promise<SearchResult>;

/** Stand between pickers and server where searches are asked; return what ends that. */
function wrapped({ server }: Api, search: Searching): () => void {
  const ask = server.ask.bind(server);
  const between = (method: string, params: SearchParams, token?: vscode.CancellationToken): Promise<unknown> => {
    const really = (): Promise<unknown> => server.request(method, params, token);
    return method === 'conexus/search' ? search(params, token, really as () => Promise<SearchResult>) : really();
  };
  server.ask = between as typeof server.ask;
  return () => { server.ask = ask; };
}

suite('search', () => {
  let api: Api;
  suiteSetup(async function () {
    this.timeout(90_000);
    api = await extension();
  });
  let restore = (): void => undefined;
  teardown(async () => {
    restore();
    await api.searches.picker?.leave(true);
    await closeAll();
  });

  test('every command is there', async () => {
    const there = new Set(await vscode.commands.getCommands(true));
    const manifest = api.server.manifest;
    const missing = manifest.contributes.commands.map((one) => one.command).filter((name) => !there.has(name));
    assert.deepEqual(missing, []);
    assert.equal(new Set(manifest.contributes.commands.map((one) => one.category)).size, 1);
  });

  test('answers come while one types, in the server\'s order', async () => {
    // The last answer to each question; what is previewed meanwhile may change the next one.
    const answers = new Map<string, string[]>();
    restore = wrapped(api, async (params, _, ask) => {
      const result = await ask();
      answers.set(params.query, result.hits.map((hit) => `${hit.uri} ${hit.focus.start.line}`));
      return result;
    });
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'how is a vouch');
    await row(open, 'apply_voucher');
    type(open, 'how is a voucher applied');
    await until('the same order', () => {
      const shown = open.pick.items.flatMap((one) => (one.hit ? [`${one.hit.uri} ${one.hit.focus.start.line}`] : []));
      const last = answers.get('how is a voucher applied') ?? [];
      return last.length > 0 && JSON.stringify(shown) === JSON.stringify(last);
    });
    assert.ok(open.pick.items.every((one) => one.alwaysShow));
    assert.equal((open.pick as { sortByLabel?: boolean }).sortByLabel, false);
  });

  test('a question during which the index moves is asked once more', async () => {
    let asked = 0;
    restore = wrapped(api, async (params, _, ask) => {
      const result = await ask();
      if (params.query !== 'apply a voucher') return result;
      asked += 1;
      if (asked > 1) return result;
      api.searches.picker?.refresh();
      return { ...result, hits: [] };
    });
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'apply a voucher');
    await row(open, 'apply_voucher');
    assert.ok(asked > 1);
  });

  test('a row has icon, symbol, kind, path, line, excerpt and two buttons', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'parse_barcode');
    const found = await row(open, 'windows/legacy.c:36');
    assert.equal(found.label, 'parse_barcode');
    assert.equal(found.description, 'function  shop/windows/legacy.c:36');
    assert.equal(found.detail, 'static int parse_barcode(const char *digits)');
    assert.equal((found.iconPath as vscode.ThemeIcon).id, 'symbol-function');
    assert.equal(found.buttons?.length, 2);
  });

  test('what looks like an icon in an excerpt is text', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'page ready shop-opened');
    const found = await row(open, 'web/ready.js');
    assert.match(found.detail ?? '', /^(\\\$\((document|window)\)|\/\/ The page)/);
  });

  test('filters stand in the question', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'voucher path:tests');
    await row(open, 'tests/test_basket.py');
    await until('only tests', () => open.pick.items.every((one) => !one.hit || one.hit.path.startsWith('tests/')));
    type(open, 'voucher -path:tests');
    await until('no tests', () => {
      const hits = open.pick.items.filter((one) => one.hit);
      return hits.length > 0 && hits.every((one) => !one.hit?.path.startsWith('tests/'));
    });
    type(open, 'barcode lang:c');
    await until('only C', () => {
      const hits = open.pick.items.filter((one) => one.hit);
      return hits.length > 0 && hits.every((one) => one.hit?.language === 'c');
    });
    type(open, 'voucher kind:function');
    await until('only functions', () => {
      const hits = open.pick.items.filter((one) => one.hit);
      return hits.length > 0 && hits.every((one) => one.hit?.kind === 'function');
    });
  });

  test('nothing found is a row', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'voucher path:no_such_directory');
    await row(open, 'Nothing found for "voucher path:no_such_directory"');
  });

  test('an index that is not complete is said, and the answers grow with it', async () => {
    await run('conexus.pause');
    const scaffold = file('shop/scaffold.py');
    await vscode.workspace.fs.writeFile(scaffold, Buffer.from('def erect_scaffold(poles):\n    return poles\n'));
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'erect_scaffold');
    await row(open, 'Indexing is paused, ');
    await run('conexus.resume');
    await row(open, 'shop/scaffold.py:');
    await until('no remark', () => !words(open).some((one) => one.includes('Indexing is paused')));
    await vscode.workspace.fs.delete(scaffold);
  });

  /** Be at line 5 of mail.py, ask, and see the answer in legacy.c. */
  const previewing = async (): Promise<vscode.TextEditor> => {
    const editor = await show('shop/mail.py');
    editor.selection = new vscode.Selection(4, 9, 4, 9);
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'parse_barcode');
    await row(open, 'windows/legacy.c:36');
    return until('a preview', () => {
      const active = vscode.window.activeTextEditor;
      return active?.document.uri.path.endsWith('windows/legacy.c') && active.selection.active.line === 35 && active;
    });
  };
  const returned = async (): Promise<void> => {
    await until('the way back', () => vscode.window.activeTextEditor?.document.uri.path.endsWith('shop/mail.py'));
    await until('no preview', () => vscode.window.tabGroups.all.flatMap((group) => group.tabs).length === 1);
    assert.deepEqual(where(), { path: 'shop/mail.py', line: 5, text: '    """Send the invoice by mail."""' });
    assert.equal(api.searches.picker, undefined);
  };
  // 1.96 keeps Escape for itself and hides the box without a word.
  for (const leave of ['conexus.picker.leave', 'workbench.action.closeQuickOpen']) {
    test(`moving previews, ${leave} returns`, async () => {
      const previewed = await previewing();
      assert.ok(previewed.visibleRanges.some((range) => range.contains(new vscode.Position(35, 0))));
      await run(leave);
      await returned();
    });

    test(`a box that opens right after ${leave} stays open`, async () => {
      await previewing();
      const next = vscode.window.createQuickPick();
      let closed = false;
      next.onDidHide(() => { closed = true; });
      void run(leave);
      next.show();
      await returned();
      await sleep(100);
      assert.equal(closed, false);
      next.dispose();
    });
  }

  test('nothing is previewed once the box is left', async () => {
    for (const pause of [0, 30, 60, 80]) {
      await show('shop/mail.py');
      await run('conexus.search');
      const open = await picker(api);
      type(open, 'parse_barcode');
      await row(open, 'windows/legacy.c:36');
      await sleep(pause);
      await open.leave(true);
      await sleep(150);
      const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).map((tab) => tab.label);
      assert.deepEqual(tabs, ['mail.py'], `after ${pause} ms`);
    }
  });

  test('a search that begins in another returns to where that began', async () => {
    await previewing();
    const first = api.searches.picker;
    await run('conexus.search');
    await until('another picker', () => api.searches.picker && api.searches.picker !== first);
    await run('conexus.picker.leave');
    await returned();
  });

  test('who goes on typing while the way back is gone is left alone', async () => {
    for (const pause of [90, 105, 120, 135]) {
      const editor = await show('shop/basket.py');
      editor.selection = new vscode.Selection(32, 0, 32, 0);
      await run('conexus.search');
      const open = await picker(api);
      type(open, 'paint_shelves path:shop/basket.py');
      await row(open, 'shop/basket.py:1');
      await until('a preview', () => vscode.window.activeTextEditor?.selection.active.line === 0);
      await run('workbench.action.closeQuickOpen');
      await sleep(pause);
      await run('cursorBottom');
      for (const letter of 'twenty letters more..') await run('type', { text: letter });
      await sleep(100);
      const { document } = editor;
      assert.equal(document.lineAt(document.lineCount - 1).text, 'twenty letters more..', `after ${pause} ms`);
      await closeAll();
    }
  });

  test('Enter opens the place, the side button beside', async () => {
    const there = await jump(api, 'how is a voucher applied', 'shop/basket.py:');
    assert.deepEqual(there, { path: 'shop/basket.py', line: 33, text: 'def apply_voucher(total, voucher):' });
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'parse_barcode');
    const found = await row(open, 'windows/legacy.c:36');
    open.pick.activeItems = [found];
    await run('conexus.picker.openBeside');
    await until('a second column', () => vscode.window.activeTextEditor?.viewColumn === vscode.ViewColumn.Two);
    assert.equal(where().line, 36);
  });

  test('pinned results are in the view', async () => {
    await run('conexus.search');
    const open = await picker(api);
    type(open, 'how is a voucher applied');
    await row(open, 'shop/basket.py:');
    await run('conexus.picker.pin');
    await until('results', () => api.results.hits.length > 0);
    assert.equal(api.results.asked?.query, 'how is a voucher applied');
    assert.equal(api.results.hits[0]?.hit.path, 'shop/basket.py');
  });

  test('questions are remembered', async () => {
    await jump(api, 'bake the dough', 'bread.py');
    assert.equal(api.searches.history.questions[0], 'bake the dough');
    await run('conexus.search');
    const open = await picker(api);
    await row(open, 'bake the dough');
    assert.ok(words(open)[0]?.includes('path: -path: lang: kind:'));
    await run('conexus.picker.older');
    assert.equal(open.pick.value, 'bake the dough');
    await row(open, 'bread.py:');
    await run('conexus.picker.newer');
    assert.equal(open.pick.value, '');
  });

  test('a question that is overtaken is cancelled', async () => {
    const asked: { query: string; token: vscode.CancellationToken | undefined }[] = [];
    let answer = (): void => undefined;
    const patience = new Promise<void>((resolve) => { answer = resolve; });
    restore = wrapped(api, async (params, token, ask) => {
      asked.push({ query: params.query, token });
      await patience;
      return ask();
    });
    await run('conexus.search');
    const open = await picker(api);
    for (const text of ['v', 'vou', 'parse', 'parse_barcode']) {
      type(open, text);
      await until(`"${text}" is asked`, () => asked.some((one) => one.query === text));
    }
    answer();
    await row(open, 'windows/legacy.c:36');
    const states = asked.map(({ query, token }) => [query, token?.isCancellationRequested]);
    assert.deepEqual(states, [['v', true], ['vou', true], ['parse', true], ['parse_barcode', false]]);
  });

  test('symbols are found by humps, and opened', async () => {
    await run('conexus.symbols');
    const open = await picker(api);
    type(open, 'appVou');
    const found = await row(open, 'apply_voucher');
    await open.accept(found);
    assert.equal(where().text, 'def apply_voucher(total, voucher):');
  });

  test('a folder of the Explorer is searched', async () => {
    const folder = vscode.Uri.joinPath(vscode.workspace.workspaceFolders?.[0]?.uri ?? assert.fail(), 'c# code');
    await run('conexus.searchFolder', folder);
    const open = await picker(api);
    type(open, 'shelves');
    await row(open, 'c# code/größe #1.py');
    assert.ok(open.pick.items.every((one) => !one.hit || one.hit.path.startsWith('c# code/')));
    assert.match(open.pick.title ?? '', /c# code/);
  });

  test('the built-in symbol search finds definitions', async () => {
    const found = await vscode.commands.executeCommand<vscode.SymbolInformation[]>(
      'vscode.executeWorkspaceSymbolProvider', 'bestimme');
    assert.ok(found.some((one) => one.name === 'bestimme_größe' && one.location.range.start.line === 33));
  });
});
