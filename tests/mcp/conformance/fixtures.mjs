// The conformance suite asks for tools, resources and prompts by names of its own. This, loaded before it, puts in
// their place what our server has of that kind, and shows the server's token. Answers are not touched.
import { createRequire } from "node:module";

const token = process.env.CONEXUS_MCP_TOKEN;
const suite = createRequire(process.env.CONEXUS_CONFORMANCE);

const TOOLS = {
  test_simple_text: { name: "read", arguments: { path: "123.txt" } },
  test_error_handling: { name: "read", arguments: { path: "../outside.txt" } },
};
const RESOURCES = {
  "test://static-text": "conexus://file/123.txt",
  "test://template/123/data": "conexus://file/123.txt",
  "test://watched-resource": "conexus://file/123.txt",
};
const PROMPTS = {
  test_simple_prompt: () => ({ name: "explore", arguments: { topic: "logging" } }),
  test_prompt_with_arguments: (given) => ({
    name: "find-the-bug",
    arguments: { symptom: given?.arg1 ?? "", file: given?.arg2 ?? "" },
  }),
};

function ours(message) {
  const params = message.params ?? {};
  if (message.method === "tools/call" && params.name in TOOLS) {
    Object.assign(params, TOOLS[params.name]);
  } else if (message.method?.startsWith("resources/") && params.uri in RESOURCES) {
    params.uri = RESOURCES[params.uri];
  } else if (message.method === "prompts/get" && params.name in PROMPTS) {
    Object.assign(params, PROMPTS[params.name](params.arguments));
  } else if (message.method === "completion/complete" && params.ref?.name in PROMPTS) {
    Object.assign(params, { ref: { ...params.ref, name: "find-the-bug" }, argument: { name: "file", value: "12" } });
  }
  return message;
}

const plain = globalThis.fetch;
globalThis.fetch = (resource, options = {}) => {
  const headers = new Headers(options.headers);
  headers.set("authorization", `Bearer ${token}`);
  const body = typeof options.body === "string" ? JSON.stringify(ours(JSON.parse(options.body))) : options.body;
  return plain(resource, { ...options, headers, body });
};

// One scenario speaks past fetch.
const { getGlobalDispatcher, setGlobalDispatcher } = suite("undici");
setGlobalDispatcher(
  getGlobalDispatcher().compose((dispatch) => (options, handler) => {
    const has = JSON.stringify(options.headers ?? {}).toLowerCase().includes("authorization");
    const headers = has ? options.headers : { ...options.headers, authorization: `Bearer ${token}` };
    return dispatch({ ...options, headers }, handler);
  }),
);
