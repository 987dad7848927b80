// What a caller could still have told, and what it would have counted for. Pure.

// [{ fact, points }], what counts most first; `table` has the points of each fact's cases, `points` are the lines of a score.
export function unearned(table, points) {
  return Object.entries(table)
    .map(([fact, cases]) => {
      const earned = points.filter((each) => each.fact === fact).reduce((sum, each) => sum + each.points, 0);
      return { fact, points: Math.max(0, ...Object.values(cases)) - Math.max(0, earned) };
    })
    .filter((each) => each.points > 0)
    .sort((a, b) => b.points - a.points);
}
