/** Draws commands and what they printed as a terminal in SVG. */

export interface Shown {
  readonly command: string
  readonly lines: ReadonlyArray<string>
}

const widest = 118
const lineHeight = 22
/** Above each command but the first. */
const gap = 10

/** Non-breaking spaces, because some viewers collapse others. */
const escape = (text: string) => Bun.escapeHTML(text).replaceAll(" ", "\u00a0")
const cut = (text: string) => (text.length > widest ? `${text.slice(0, widest - 1)}…` : text)

/** `plain` removes from a line what is only of this run. */
export const terminalSvg = (
  screen: ReadonlyArray<Shown>,
  label: string,
  plain: (line: string) => string = (line) => line
): string => {
  let bottom = 60 - lineHeight - gap
  const row = (content: string, space: number): string => {
    bottom += lineHeight + space
    return `<text x="24" y="${bottom}" fill="#94a3b8">${content}</text>`
  }
  const text = screen.flatMap(({ command, lines }) => [
    row(`<tspan fill="#38bdf8">$\u00a0</tspan><tspan fill="#e2e8f0">${escape(cut(command))}</tspan>`, gap),
    ...lines.map((line) => row(escape(cut(plain(line))), 0))
  ])
  const height = bottom + 24
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1060 ${height}" width="1060" height="${height}" role="img" aria-label="${label}">
<rect width="1060" height="${height}" rx="10" fill="#0f172a"/>
<circle cx="24" cy="22" r="6" fill="#f87171"/><circle cx="44" cy="22" r="6" fill="#fbbf24"/><circle cx="64" cy="22" r="6" fill="#34d399"/>
<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="14" xml:space="preserve">
${text.join("\n")}
</g></svg>
`
}
