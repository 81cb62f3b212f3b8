/** Figures of a bench, and how they are told. */

export const isQuick = process.argv.includes('--quick')

/** The value of `--name=value`; null when it was not given. */
export function optionOf(name: string): string | null {
  const start = `--${name}=`
  return process.argv.find(argument => argument.startsWith(start))?.slice(start.length) ?? null
}

/** A tenth of it when the bench is only to be seen running. */
export function sized(full: number, least = 1): number {
  return isQuick ? Math.max(least, Math.round(full / 10)) : full
}

/** The value below which `share` of them lie; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** Three digits that say something, no more. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return 'none'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/** Milliseconds of the machine's own clock, the same in every process. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const mark = 'figure: '

/** Prints one line that can be quoted. `all.ts` gathers them. */
export function tell(bench: string, line: string): void {
  console.log(`${mark}${bench.padEnd(8)} ${line}`)
}

/** @returns null for a line that is no figure */
export function figureIn(line: string): string | null {
  return line.startsWith(mark) ? line.slice(mark.length) : null
}
