/** Resolves URLs of links and images for Markdown: absolute, safe schemes only. */

const schemes = /^(?:https?|mailto|tel|ftp):$/
/** Longest URL in UTF-16 units; longer ones are data. */
const maxLength = 2000

/** Escapes unbalanced parentheses, which would end the URL in Markdown. */
const written = (url: string) => {
  let depth = 0
  for (const character of url) {
    if (character === "(") depth++
    else if (character === ")" && --depth < 0) break
  }
  return depth === 0 ? url : url.replaceAll("(", "%28").replaceAll(")", "%29")
}

export class Links {
  readonly #base: string
  readonly #page: string

  /** `base`: the `<base href>`, relative to the page. */
  constructor(page: string, base: string | undefined) {
    this.#page = page
    this.#base = base === undefined ? page : (URL.parse(base, page)?.href ?? page)
  }

  /** `undefined` for unsafe URLs such as `javascript:` and `data:`. Links within the page are `#name`. */
  resolve(href: string | undefined): string | undefined {
    const url = href === undefined ? null : URL.parse(href.trim(), this.#base)
    if (url === null || !schemes.test(url.protocol) || url.href.length > maxLength) return undefined
    const { hash } = url
    if (hash !== "" && url.href.slice(0, -hash.length) === this.#page) return written(hash)
    return written(url.href)
  }

  image(src: string | undefined): string | undefined {
    const found = src === undefined || src.trim() === "" ? undefined : this.resolve(src)
    return found?.startsWith("http") === true ? found : undefined
  }
}
