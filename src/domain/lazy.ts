/** Lazy values: computed at the first use and kept, so that start-up pays only for what is used. */

export const lazy = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
