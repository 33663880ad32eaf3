import type { Results } from './results.ts'

/** The results for a terminal, as Markdown tables. */
export function renderResults(results: Results): string {
  const lines = [`${results.cpu}, Node ${results.node}, ${results.rounds} rounds of ${results.seconds} s, medians`]
  for (const { title, proxies, unable } of results.workloads) {
    lines.push('', `${title}`, '')
    lines.push(
      ...renderTable(
        ['proxy', 'CPU µs/request', 'at half load', 'requests/s', 'added p50 µs', 'p99', 'p99.9', 'errors'],
        proxies.map(({ name, cpuUs, cpuUsAtHalf, maxRps, isClientBound, added, errors }) =>
          name === 'direct'
            ? [name, '', '', `${Math.round(maxRps)}`, '', '', '', `${errors}`]
            : [name, cpuUs.toFixed(1), cpuUsAtHalf.toFixed(1), `${isClientBound ? '≥ ' : ''}${Math.round(maxRps)}`, ...[added.p50, added.p99, added.p999].map((us) => us.toFixed(0)), `${errors}`],
        ),
      ),
    )
    for (const { name, reason } of unable) lines.push('', `${name} cannot: ${reason}`)
  }
  lines.push('', 'Processes', '')
  lines.push(...renderTable(['proxy', 'exec to first answer ms', 'RSS idle MiB', 'RSS loaded MiB', 'after all MiB'], results.processes.map(({ name, startMs, idleMiB, loadedMiB, mostMiB }) => [name, startMs.toFixed(0), idleMiB.toFixed(1), loadedMiB.toFixed(1), mostMiB.toFixed(1)])))
  for (const { name, reason } of results.missing) lines.push('', `missing: ${name}: ${reason}`)
  if (results.bars.length > 0) lines.push('', 'Bars', '', ...renderTable(['bar', 'measured', 'at most', ''], results.bars.map(({ text, value, limit, isMet }) => [text, value.toFixed(2), limit.toFixed(2), isMet ? 'met' : 'MISSED'])))
  return lines.join('\n')
}

function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  return [line(head), `|${widths.map((width, column) => (column === 0 ? `${'-'.repeat(width + 2)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`, ...rows.map(line)]
}
