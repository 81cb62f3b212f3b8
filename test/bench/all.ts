/**
 * Runs the benches one after the other and prints their figures together at the end.
 * Run: npm run bench -- [--quick] [name ...]
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { figureIn } from './figures.ts'

const benches = ['cache', 'store', 'index', 'start', 'page', 'query', 'push'] as const

const options = process.argv.slice(2).filter(argument => argument.startsWith('--'))
const asked = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const unknown = asked.filter(name => !benches.some(bench => bench === name))

if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(', ')}; there are ${benches.join(', ')}.\n`)
  process.exitCode = 2
} else {
  const figures: string[] = []
  const failed: string[] = []
  for (const bench of benches) {
    if (asked.length > 0 && !asked.includes(bench)) continue
    console.log(`--- ${bench}`)
    if ((await run(bench, figures)) !== 0) failed.push(bench)
  }
  console.log('\n--- figures')
  for (const figure of figures) console.log(figure)
  if (failed.length > 0) {
    console.log(`failed, or past a limit: ${failed.join(', ')}`)
    process.exitCode = 1
  }
}

async function run(bench: string, figures: string[]): Promise<number> {
  const file = fileURLToPath(new URL(`${bench}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  createInterface({ input: child.stdout }).on('line', line => {
    console.log(line)
    const figure = figureIn(line)
    if (figure !== null) figures.push(figure)
  })
  return new Promise(resolve => child.once('close', code => resolve(code ?? 1)))
}
