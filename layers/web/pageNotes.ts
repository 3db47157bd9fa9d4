/** What a reader has to know of a page beside its text: what was left out, and that the text may not be the page's. */
import type { Content } from "./mainContent.ts"
import type { HtmlDocument, Element } from "./HtmlDocument.ts"

/** Below this many characters a page may be a shell, a check or a consent form. */
const short = 1500
/** Hidden elements with less text are icons and labels for screen readers. */
const fewHidden = 200

const botCheck =
  /^(?:just a moment|attention required|access denied|access to this page has been denied|are you (?:a )?(?:robot|human)|security check|ddos-guard|checking your browser|verify(?:ing)? you are human|human verification|pardon our interruption|robot check|bot verification|one more step|please verify)/i
const botCheckText =
  /checking (?:if the site connection is secure|your browser before)|verif(?:y|ying) (?:that )?you are (?:a )?human|unusual traffic from your|enable javascript and cookies to continue|cf-browser-verification|press (?:&|and) hold/i
const consentWord =
  /cookies?|consent|gdpr|datenschutz|einwilligung|rgpd|consentement|consentimiento|privacy|partners?/gi
const consentAction =
  /\b(?:accept|agree|allow all|reject all|manage (?:options|preferences|choices)|akzeptier|zustimm|ablehn|accepter|refuser|aceptar|rechazar|accett|rifiut|godkänn|accepteer)/i
const needsScripts = /javascript|enable (?:it|scripts)|activ(?:er|ar|eren)|aktivier/i
/** Elements that frameworks fill with scripts. */
const mountPoint =
  /^(?:root|app|__next|___gatsby|__nuxt|app-root|main-app|svelte|react-root|q-app|ember-application)$/

const hasEmptyMountPoint = (element: Element): boolean =>
  element.children.some(
    (child) =>
      typeof child !== "string" &&
      (mountPoint.test(child.attributes["id"] ?? "") ||
        /^(?:app-root|my-app)$/.test(child.name) ||
        hasEmptyMountPoint(child))
  )

/** `text` is what is shown of it, or the beginning of that. */
export const pageNotes = (
  document: HtmlDocument,
  content: Content,
  title: string,
  text: string
): Array<string> => {
  const remarks: Array<string> = []
  const beginning = text.slice(0, 2 * short)
  if (content.shown < short) {
    if (botCheck.test(title.trim()) || botCheckText.test(beginning)) {
      remarks.push("This is a check for bots (or an access refusal), not the page's content.")
    } else if ((beginning.match(consentWord) ?? []).length >= 2 && consentAction.test(beginning)) {
      remarks.push("This is mostly a request for consent (cookie wall); the page's content is not in it.")
    }
  }
  const empty = content.visible < 20
  const shell = content.visible < 200 && (hasEmptyMountPoint(document.root) || needsScripts.test(beginning))
  if (document.scripts > 0 && (empty || shell)) {
    remarks.push(
      `The page is built by scripts, which are not run: its HTML holds only ${content.visible} characters of text.`
    )
  }
  const named = [...content.leftOut].filter(
    ([reason, chars]) => chars >= (reason === "hidden elements" ? fewHidden : 1)
  )
  if (named.length > 0) {
    const parts = named.map(([reason, chars]) => `${reason} (${chars} characters)`)
    const asked = named.some(([reason]) => reason !== "hidden elements")
      ? " Set whole_page to include what is visible."
      : ""
    remarks.push(`Left out: ${parts.join(", ")}.${asked}`)
  }
  if (document.cut) {
    remarks.push("The page has more elements than web.max_elements allows; the rest of it was not read.")
  }
  return remarks
}
