import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Two letters together are words, which people read in their own language. */
const WORDS = '/[A-Za-zÄÖÜäöüß]{2}/';
const SHOWN = '/^(label|description|detail|title|placeholder|prompt|tooltip|openLabel|invocationMessage)$/';
const SAYING = '/^(show(Information|Warning|Error)Message|setStatusBarMessage)$/';
/** A literal, or one in a template, in a choice or behind a default. */
const texts = (where) => [
  `${where} > Literal[value=${WORDS}]`,
  `${where} > TemplateLiteral > TemplateElement[value.raw=${WORDS}]`,
  `${where} > ConditionalExpression > Literal[value=${WORDS}]`,
  `${where} > LogicalExpression > Literal[value=${WORDS}]`,
];
const message = 'What people read goes through vscode.l10n.t.';

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', '*.mjs'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: ['tsconfig.json', 'src/page/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      complexity: ['error', 10],
      'max-lines-per-function': ['error', 60],
      // Numbers in messages are meant.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        ...texts(`Property[key.name=${SHOWN}]`).map((selector) => ({ selector, message })),
        ...texts(`CallExpression[callee.property.name=${SAYING}]`).map((selector) => ({ selector, message })),
        ...texts("NewExpression[callee.name='ServerMissing']").map((selector) => ({ selector, message })),
        ...texts(`AssignmentExpression[left.property.name=${SHOWN}]`).map((selector) => ({ selector, message })),
        // The page is told its texts, and `text` looks them up.
        { selector: `CallExpression[callee.name='made'] > Literal:nth-child(2)[value=${WORDS}]`, message },
      ],
    },
  },
);
