/** HTML pages for browsers: escaped text, one inline style sheet, no scripts, and a strict Content-Security-Policy. */

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Text for an element or a quoted attribute. */
export const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? "")

const style = `
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 30rem; padding: 2rem 1rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
label { display: block; font-weight: 600; margin-top: 1rem }
input { box-sizing: border-box; font: inherit; margin-top: .25rem; padding: .5rem; width: 100% }
button { cursor: pointer; font: inherit; margin: 1.5rem .5rem 0 0; padding: .5rem 1.25rem }
.link { background: none; border: 0; color: LinkText; margin: 0; padding: 0; text-decoration: underline }
.primary { background: #1a56db; border: 1px solid #1a56db; border-radius: .25rem; color: #fff }
:focus-visible { outline: 3px solid #e3a008; outline-offset: 2px }
[role=alert] { border-left: .25rem solid #c81e1e; padding-left: .75rem }
dt { font-weight: 600; margin-top: .5rem }
dd { margin: 0; overflow-wrap: anywhere }
code { overflow-wrap: anywhere }
`
const styleHash = new Bun.CryptoHasher("sha256").update(style).digest("base64")

export interface HtmlPage {
  readonly status: number
  readonly title: string
  /** HTML, in which all foreign text is escaped. */
  readonly body: string
  /** Targets of forms, also after redirects: sources of the directive `form-action`. Default: none. */
  readonly formAction?: ReadonlyArray<string>
  readonly headers?: Readonly<Record<string, string>>
}

export const htmlPage = ({ body, formAction = [], headers, status, title }: HtmlPage): Response =>
  new Response(
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
      `<title>${escaped(title)}</title><style>${style}</style></head><body><main>${body}</main></body></html>\n`,
    {
      status,
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy":
          `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'; base-uri 'none'; ` +
          `form-action ${formAction.length === 0 ? "'none'" : formAction.join(" ")}`,
        // With `no-referrer`, browsers send `Origin: null` with forms.
        "referrer-policy": formAction.length === 0 ? "no-referrer" : "same-origin",
        "cache-control": "no-store",
        ...headers
      }
    }
  )

/** A page with a heading and one paragraph. */
export const messagePage = (
  status: number,
  title: string,
  text: string,
  headers: Readonly<Record<string, string>> = {}
): Response => htmlPage({ status, title, headers, body: `<h1>${escaped(title)}</h1><p>${escaped(text)}</p>` })
