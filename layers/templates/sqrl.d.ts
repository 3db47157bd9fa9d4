/** A template imported as text. */
declare module "*.sqrl" {
  const text: string
  export default text
}
