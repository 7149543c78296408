/** What an HTTP request is for (RFC 9112, section 3.2). */

/** The path of a target, without a query. An absolute form is what proxies are sent; some pass it on. */
export function pathOfTarget(target: string): string {
  return target.replace(/^[a-z]+:\/\/[^/?]*/i, "").replace(/[?#].*$/s, "") || "/";
}
