/** The page of a disk that a node serves. */
export function bootPath({ node, name }: { readonly node: string; readonly name: string }): string {
  return `/boots/${encodeURIComponent(node)}/${encodeURIComponent(name)}`
}
