/** The part that is used of a package which comes without types. */
declare module "html-encoding-sniffer" {
  /** The encoding of an HTML document (HTML standard, section 13.2.3.2), by the name that `TextDecoder` knows. */
  export default function sniff(
    bytes: Uint8Array,
    options?: { readonly transportLayerEncodingLabel?: string; readonly defaultEncoding?: string }
  ): Bun.Encoding | "replacement"
}
