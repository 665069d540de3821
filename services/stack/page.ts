// SPDX-License-Identifier: Apache-2.0
// GET /: one quiet page without outside assets.
import { html, raw } from 'hono/html';

export interface PageEntry {
  readonly index: number;
  readonly time: string;
  readonly identity: string;
  readonly digest: string;
}

export interface PageFacts {
  readonly version: string;
  readonly url: string;
  readonly startedAt: string;
  readonly dev: boolean;
  readonly treeSize: number;
  readonly rootHash: string;
  readonly ctTreeSize: number;
  readonly rootSha256: string;
  readonly fingerprints: ReadonlyArray<{ name: string; sha256: string }>;
  readonly entries: readonly PageEntry[];
  readonly commands: ReadonlyArray<{ title: string; text: string }>;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2327; --soft: #5a6570; --line: #dfe3e6; --paper: #fbfbfa; --card: #fff; --mark: #14614a }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9eb; --soft: #9aa5ae; --line: #2c343a; --paper: #14181b; --card: #1b2024; --mark: #6fcfae } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
h1 { font-size: 1.6rem; margin: 0; letter-spacing: -.01em }
h2 { font-size: .82rem; text-transform: uppercase; letter-spacing: .08em; color: var(--soft); margin: 2.4rem 0 .7rem }
p { margin: .35rem 0; color: var(--soft) }
code, pre, td.mono { font: .86rem/1.5 ui-monospace, 'SFMono-Regular', Menlo, Consolas, monospace }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; margin-top: 1.6rem }
.fact { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem }
.fact b { display: block; font-size: 1.35rem; font-weight: 600; color: var(--mark); overflow-wrap: anywhere }
.fact span { color: var(--soft); font-size: .86rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-top: 1px solid var(--line); vertical-align: top }
th { font-weight: 500; color: var(--soft); font-size: .86rem; border-top: 0 }
td.mono { overflow-wrap: anywhere }
.names td:first-child { width: 14rem }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; overflow-x: auto; margin: .4rem 0 1rem }
.warn { border-left: 3px solid #c98a1b; padding-left: .8rem; margin-top: 1.2rem }
`;

const ENDPOINTS: ReadonlyArray<[string, string]> = [
  ['Certificate authority', '/api/v2/signingCert'],
  ['Transparency log', '/api/v2/log/entries'],
  ['Timestamp authority', '/api/v1/timestamp'],
  ['CT log', '/ctlog/ct/v1/get-sth'],
  ['Trust root (TUF)', '/tuf/root.json'],
  ['Trust files', '/trust/client_trust_config.json'],
];

/** The page; every value from outside is escaped by the `html` tag. */
export function landingPage(facts: PageFacts) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sigstead</title>
<style>${raw(STYLE)}</style>
</head>
<body><main>
<h1>Sigstead</h1>
<p>A private Sigstore at <code>${facts.url}</code>, version ${facts.version}, serving since <time datetime="${facts.startedAt}">${facts.startedAt}</time>.</p>
${facts.dev ? html`<p class="warn">Development mode: whoever reaches this port gets a token for any identity, and the keys of the trust root lie beside it. Never use it for real signatures.</p>` : ''}
<div class="facts">
<div class="fact"><b>${facts.treeSize}</b><span>${facts.treeSize === 1 ? 'entry' : 'entries'} in the transparency log</span></div>
<div class="fact"><b>${facts.ctTreeSize}</b><span>${facts.ctTreeSize === 1 ? 'certificate' : 'certificates'} in the CT log</span></div>
</div>
<h2>Services</h2>
<div class="scroll"><table class="names">${ENDPOINTS.map(([name, path]) => html`<tr><td>${name}</td><td class="mono">${facts.url}${path}</td></tr>`)}</table></div>
<h2>Fingerprints (SHA-256)</h2>
<div class="scroll"><table class="names">
<tr><td>TUF root</td><td class="mono">${facts.rootSha256}</td></tr>
${facts.fingerprints.map(({ name, sha256 }) => html`<tr><td>${name}</td><td class="mono">${sha256}</td></tr>`)}
<tr><td>Root hash of the log</td><td class="mono">${facts.rootHash}</td></tr>
</table></div>
<h2>Last entries</h2>
${
  facts.entries.length === 0
    ? html`<p>None yet. The lines below make the first.</p>`
    : html`<div class="scroll"><table><tr><th>Index</th><th>Time (UTC)</th><th>Signer</th><th>Digest</th></tr>
${facts.entries.map((entry) => html`<tr><td>${entry.index}</td><td>${entry.time}</td><td class="mono">${entry.identity}</td><td class="mono">${entry.digest}</td></tr>`)}</table></div>`
}
<h2>Lines to paste</h2>
${facts.commands.map(({ title, text }) => html`<p>${title}</p><pre>${text}</pre>`)}
</main></body>
</html>
`;
}
