import * as assert from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as vscode from 'vscode';
import type { Api } from '../../../../editors/vscode/src/extension';
import { definitions } from '../../../../editors/vscode/src/mcp';
import { append, closeAll, extension, run, settled, show } from './editor';

suite('agents', () => {
  let api: Api;
  suiteSetup(async function () {
    this.timeout(90_000);
    api = await extension();
  });
  teardown(closeAll);

  const ask = async (name: string, input: object): Promise<string> => {
    const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
    return content.map((part) => (part as vscode.LanguageModelTextPart).value).join('');
  };

  test('every tool of package.json answers, with path and lines', async () => {
    assert.match(await ask('conexus_search', { query: 'how is a voucher applied' }), /^shop\/basket\.py:33-\d+ \(function/m);
    assert.match(await ask('conexus_context', { query: 'how is a voucher applied' }), /^33 def apply_voucher/m);
    assert.match(await ask('conexus_similar', { code: 'total = voucher.reduce(total)' }), /shop\/basket\.py:/);
    assert.match(await ask('conexus_related', { path: 'shop/basket.py' }), /tests\/test_basket\.py/);
    assert.match(await ask('conexus_symbols', { name: 'apply_voucher' }), /^function apply_voucher {2}shop\/shop\/basket\.py:33/m);
  });

  test('VS Code lists the tools, with what they take', () => {
    const ours = vscode.lm.tools.filter((one) => one.name.startsWith('conexus_'));
    const names = ours.map((one) => one.name).sort();
    const wanted = ['context', 'related', 'search', 'similar', 'symbols'].map((name) => `conexus_${name}`);
    assert.deepEqual(names, wanted);
    assert.ok(ours.every((one) => one.description.length > 80 && one.inputSchema));
  });

  test('a tool sees unsaved text', async () => {
    const editor = await show('shop/mail.py');
    await append(editor, '\n\ndef gift_wrap_parcel(box):\n    return box\n');
    await settled(api);
    assert.match(await ask('conexus_search', { query: 'gift_wrap_parcel' }), /shop\/mail\.py:\d+/);
  });

  test('an empty answer is said', async () => {
    assert.match(await ask('conexus_search', { query: 'voucher', paths: ['no/such/**'] }), /Nothing found/);
  });

  test('a file that is not there is said', async () => {
    await assert.rejects(ask('conexus_related', { path: 'no/such.py' }), /no\/such\.py is no file of this workspace/);
  });

  test('context is copied with paths and lines', async () => {
    await run('conexus.copyContext', 'how is a voucher applied');
    const text = await vscode.env.clipboard.readText();
    assert.match(text, /shop\/basket\.py/);
    assert.match(text, /^33 def/m);
  });

  test('the MCP server of the definition answers', async () => {
    class Definition {
      constructor(readonly label: string, readonly command: string, readonly args: string[]) {}
    }
    const [found] = (await definitions(api.server, Definition)) as Definition[];
    assert.ok(found);
    assert.equal(found.args.filter((one) => one === '--root').length, 2);
    const server = spawn(found.command, found.args);
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`);
    const [data] = (await once(server.stdout, 'data')) as [Buffer];
    const { result } = JSON.parse(data.toString()) as { result: { serverInfo: { name: string } } };
    assert.match(result.serverInfo.name, /conexus/i);
    const ended = once(server, 'exit');
    server.stdin.end();
    await ended;
  });
});
