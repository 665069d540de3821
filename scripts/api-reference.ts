// SPDX-License-Identifier: Apache-2.0
// docs/api.md: the library, from the declarations that it exports and what stands above them. After a
// change: node scripts/api-reference.ts; a test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import {
  API,
  type Checker,
  type Project,
  SymbolFlags,
  type Symbol as TypeSymbol,
} from 'typescript/unstable/sync';

const ROOT = join(import.meta.dirname, '..');
const DOCUMENT = join(ROOT, 'docs/api.md');
const GENERATED = '<!-- Below this line: node scripts/api-reference.ts -->';

/** What `import … from` says, and the source behind it. */
const MODULES = [
  { name: 'sigstead', source: 'services/client/index.ts' },
  { name: 'sigstead/verify', source: 'services/client/browser.ts' },
] as const;

/** A table longer than this says nothing to a reader of types. */
const MAX_LINES = 40;

export interface Declared {
  readonly name: string;
  readonly kind: 'function' | 'type' | 'value';
  /** The declaration, without bodies. */
  readonly text: string;
  /** What stands above it. */
  readonly about: string;
  readonly tags: ReadonlyArray<{ readonly name: string; readonly text: string }>;
  /** Members without a word about them. */
  readonly bare: readonly string[];
  /** Names of what it mentions. */
  readonly mentions: readonly string[];
}

interface Reader {
  readonly project: Project;
  readonly checker: Checker;
}

const KINDS = new Map<SyntaxKind, Declared['kind']>([
  [SyntaxKind.FunctionDeclaration, 'function'],
  [SyntaxKind.InterfaceDeclaration, 'type'],
  [SyntaxKind.TypeAliasDeclaration, 'type'],
  [SyntaxKind.ClassDeclaration, 'type'],
  [SyntaxKind.VariableDeclaration, 'value'],
]);

function real(checker: Checker, symbol: TypeSymbol): TypeSymbol {
  return (symbol.flags & SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
}

function children(node: Node): Node[] {
  const found: Node[] = [];
  node.forEachChild((child) => {
    found.push(child);
  });
  return found;
}

const BODIES = new Set([SyntaxKind.Block, SyntaxKind.NewExpression]);

/** Source text of a declaration, its bodies cut out. */
function textOf(node: Node): string {
  const from = node.getStart();
  const cuts: Array<readonly [number, number]> = [];
  const visit = (inner: Node) => {
    if (BODIES.has(inner.kind)) cuts.push([inner.pos - from, inner.end - from]);
    else for (const child of children(inner)) visit(child);
  };
  visit(node);
  let text = node.getText();
  for (const [start, end] of cuts.reverse())
    text = text.slice(0, Math.max(0, start)) + text.slice(end);
  return text.replace(/^export /, '').replaceAll(/ =(?=;|$)/g, '');
}

/** Names of types of ours under a node, bodies left out. */
function mentionsOf({ checker, project }: Reader, node: Node): Map<string, TypeSymbol> {
  const found = new Map<string, TypeSymbol>();
  const visit = (inner: Node) => {
    if (BODIES.has(inner.kind)) return;
    if (inner.kind === SyntaxKind.Identifier) {
      const symbol = checker.getSymbolAtLocation(inner);
      const target = symbol === undefined ? undefined : real(checker, symbol);
      const [handle] = target?.declarations ?? [];
      if (target !== undefined && handle !== undefined && KINDS.has(handle.kind)) {
        const own = handle.path.startsWith(join(ROOT, 'services'));
        if (own && handle.resolve(project) !== node) found.set(target.name, target);
      }
    }
    for (const child of children(inner)) visit(child);
  };
  visit(node);
  return found;
}

function bareMembers({ checker }: Reader, symbol: TypeSymbol): string[] {
  return [...symbol.getMembers().values()]
    .filter(
      (member) =>
        (member.flags & (SymbolFlags.Property | SymbolFlags.Method | SymbolFlags.Accessor)) !== 0,
    )
    .filter((member) => member.getDocumentationComment(checker) === '')
    .map((member) => member.name);
}

function declaredOf(
  reader: Reader,
  symbol: TypeSymbol,
): { declared: Declared; node: Node } | undefined {
  const [handle] = symbol.declarations;
  const node = handle?.resolve(reader.project);
  const kind = node === undefined ? undefined : KINDS.get(node.kind);
  if (node === undefined || kind === undefined) return undefined;
  const text = `${kind === 'value' ? 'const ' : ''}${textOf(node)}`;
  if (text.split('\n').length > MAX_LINES) return undefined;
  const declared = {
    name: symbol.name,
    kind,
    text,
    about: symbol.getDocumentationComment(reader.checker),
    tags: symbol
      .getJsDocTags(reader.checker)
      .map(({ name, text: said }) => ({ name, text: said ?? '' })),
    bare: kind === 'type' ? bareMembers(reader, symbol) : [],
    mentions: [...mentionsOf(reader, node).keys()],
  };
  return { declared, node };
}

export interface Library {
  readonly modules: ReadonlyArray<{ readonly name: string; readonly exports: readonly Declared[] }>;
  /** Types that the exports mention and that no import names. */
  readonly others: readonly Declared[];
}

export function readLibrary(): Library {
  const api = new API({ cwd: ROOT });
  try {
    const [project] = api
      .updateSnapshot({ openProjects: [join(ROOT, 'tsconfig.json')] })
      .getProjects();
    if (project === undefined) throw new Error('tsconfig.json opens no project');
    const reader = { project, checker: project.checker };
    const seen = new Map<string, Declared>();
    const wanted = new Map<string, TypeSymbol>();
    const take = (symbol: TypeSymbol) => {
      const found = declaredOf(reader, symbol);
      if (found === undefined) return undefined;
      for (const [name, more] of mentionsOf(reader, found.node)) wanted.set(name, more);
      return found.declared;
    };
    const modules = MODULES.map(({ name, source }) => {
      const file = project.program.getSourceFile(join(ROOT, source));
      const module = file === undefined ? undefined : project.checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`${source} is no module`);
      const symbols = project.checker
        .getExportsOfModule(module)
        .map((symbol) => real(project.checker, symbol));
      // What the module itself declares is what most readers come for.
      const isOwn = (symbol: TypeSymbol) => symbol.declarations[0]?.path.endsWith(source) ?? false;
      const exports = [...symbols.filter(isOwn), ...symbols.filter((one) => !isOwn(one))].flatMap(
        (symbol) => take(symbol) ?? [],
      );
      return { name, exports };
    });
    for (const { exports } of modules) for (const one of exports) seen.set(one.name, one);
    const others: Declared[] = [];
    // Grows while it is walked: what is mentioned mentions more.
    for (const [name, symbol] of wanted) {
      if (seen.has(name)) continue;
      const declared = take(symbol);
      if (declared === undefined) continue;
      seen.set(name, declared);
      others.push(declared);
    }
    return { modules, others };
  } finally {
    api.close();
  }
}

const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** Text of a comment as a paragraph; its lines end where the editor broke them. */
const paragraph = (text: string) => text.replaceAll(/\s*\n\s*/g, ' ').trim();

function tagLine({ name, text }: Declared['tags'][number]): string[] {
  if (name === 'throws') return [`- Throws ${paragraph(text)}`];
  if (name === 'returns') return [`- Returns ${paragraph(text)}`];
  const [, parameter = '', about = ''] = /^(\S+)\s+([\s\S]*)$/.exec(text) ?? [];
  return name === 'param' ? [`- \`${parameter}\`: ${paragraph(about)}`] : [];
}

function section(declared: Declared, heading: string, known: ReadonlyMap<string, string>): string {
  const { text, about, tags, mentions } = declared;
  const lines = tags.flatMap(tagLine);
  const links = mentions
    .flatMap((name) => (known.has(name) ? [`[${name}](#${anchor(known.get(name) ?? '')})`] : []))
    .sort();
  return [
    `### ${heading}`,
    '',
    ...(about === '' ? [] : [paragraph(about), '']),
    '```ts',
    text,
    '```',
    '',
    ...(lines.length === 0 ? [] : [...lines, '']),
    ...(links.length === 0 ? [] : [`See ${links.join(', ')}.`, '']),
  ].join('\n');
}

/** What stands below the mark in docs/api.md. */
export function reference({ modules, others }: Library): string {
  const [main, page] = modules;
  const own = main?.exports ?? [];
  const shared = new Set(own.map(({ text }) => text));
  const different = (page?.exports ?? []).filter(({ text }) => !shared.has(text));
  const inPage = (name: string) => `${name} in a page`;
  const types = [...own, ...different, ...others].filter(({ kind }) => kind === 'type');
  const functions = own.filter(({ kind }) => kind !== 'type');
  const pageFunctions = different.filter(({ kind }) => kind !== 'type');
  const known = new Map(types.map(({ name }) => [name, name]));
  const same = (page?.exports ?? []).filter(({ text }) => shared.has(text)).map(({ name }) => name);
  const byName = (a: Declared, b: Declared) => (a.name < b.name ? -1 : 1);
  const exported = new Set([...own, ...different].map(({ name }) => name));
  return [
    '## sigstead',
    '',
    ...functions.map((one) => section(one, one.name, known)),
    '## sigstead/verify',
    '',
    `As in \`sigstead\`: ${same
      .map((name) => `\`${name}\``)
      .sort()
      .join(', ')}. Its own:`,
    '',
    ...pageFunctions.map((one) => {
      const twice = own.some(({ name }) => name === one.name);
      return section(one, twice ? inPage(one.name) : one.name, known);
    }),
    '## Types',
    '',
    `By name. These can be imported: ${types
      .filter(({ name }) => exported.has(name))
      .sort(byName)
      .map(({ name }) => `\`${name}\``)
      .join(', ')}.`,
    '',
    ...types.sort(byName).map((one) => section(one, one.name, known)),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

/** The whole document: what people wrote above the mark, and the reference. */
export function apiDocument(written: string, library: Library): string {
  const end = written.indexOf(GENERATED);
  if (end < 0) throw new Error(`docs/api.md has no line ${GENERATED}`);
  return `${written.slice(0, end)}${GENERATED}\n\n${reference(library)}`;
}

export const readApiDocument = () => readFileSync(DOCUMENT, 'utf8');

if (import.meta.main) writeFileSync(DOCUMENT, apiDocument(readApiDocument(), readLibrary()));
