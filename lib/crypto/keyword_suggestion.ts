/** What somebody may have meant who wrote a keyword that there is not. */

/** The most keywords that a message suggests. */
const MAX_SUGGESTIONS = 3;

/** The longest keyword that is looked at: all of the tables are shorter. */
const MAX_LENGTH = 40;

/** The keywords nearest to an unknown one, as the end of a sentence; empty when none is near. */
export function suggestKeywords(unknown: string, keywords: readonly string[]): string {
  if (unknown.length > MAX_LENGTH) return "";
  const near = keywords
    .map((keyword) => ({ keyword, distance: editDistance(unknown, keyword) }))
    .filter(({ keyword, distance }) => distance <= Math.max(2, keyword.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ keyword }) => `"${keyword}"`);
  return near.length === 0 ? "" : `; did you mean ${near.join(", ")}`;
}

/** How many single changes lead from one word to another (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
