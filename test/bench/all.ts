import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { figureIn } from './figures.ts'

/** Each is a file of its own, and says there what it measures. */
const benches = {
  cache: 'a hit of the record cache, beside Map and lru-cache',
  store: 'durable webhook requests a second with 64 senders, beside one commit each',
  ack: 'webhooks acknowledged at 500 a second, and at 2,000 with 100,000 waiting and no tool answering',
  lag: 'changes of one tool while the others answer nobody, or flood',
  index: 'import of 400,000 records: records a second, memory, pages; beside bare inserts',
  start: 'npm run demo to ready, and where the time goes; needs the ports 4101 to 4103',
  page: 'a page of 50 customers with orders and jobs: vendor calls and time, cold and warm',
  query: 'warm queries a second over HTTP, beside the same answer served statically',
  several:
    'a webhook at one of three processes: frame at another, answer of the third; and with listening cut off again and again',
  rolling: 'three processes replaced one after the other under load: requests failed, webhooks lost, pushes missed',
  storm: 'a storm of webhooks while the process is killed: lost, doubled, forged, wrong',
  order: '1,000 objects whose webhooks come in any order: how many end as their tools have them',
  writes: '1,000 orders and 1,000 jobs under lost answers and SIGKILLs: how many are made',
  push: 'webhook to frame with 1 and 1,000 subscribers at 100 a second, beside a bare websocket server',
} as const

const help = `Usage: npm run bench [-- options] [name ...]

Runs the benches one after the other and prints their figures together at the end.

${Object.entries(benches)
  .map(([name, what]) => `  ${name.padEnd(8)} ${what}`)
  .join('\n')}

Options:
  --quick  a tenth of the size
  --store=sqlite|postgres  only this one, where a bench runs on both
  --help   this text
`

const names = Object.keys(benches)
const options = process.argv.slice(2).filter(argument => argument.startsWith('--'))
const asked = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const unknown = asked.filter(name => !names.includes(name))

if (options.includes('--help')) {
  process.stdout.write(help)
} else if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(', ')}.\n\n${help}`)
  process.exitCode = 2
} else {
  const figures: string[] = []
  const failed: string[] = []
  for (const bench of names) {
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
