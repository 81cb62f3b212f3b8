import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProjectDefinition } from '../../subgraphs/contract.ts'
import { reachFault } from './public-address.ts'

const repository = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))

/** What came of it, in lines for a person. */
export interface WrittenProject {
  readonly end: 'done' | 'failed'
  readonly lines: readonly string[]
}

/**
 * Writes the files that a tool's own command line uploads, with our address in them. Nothing is written unless all can be.
 * @param out the folder, absolute or from where the command runs
 * @param publicUrl as the settings have it; undefined when they have none
 */
export function writeProjectFolder(
  project: ProjectDefinition,
  { out, publicUrl }: { readonly out: string; readonly publicUrl: string | undefined },
): WrittenProject {
  const folder = resolve(out)
  const fault = reachFault(publicUrl) ?? placeFault(project, folder)
  if (fault !== null || publicUrl === undefined) return refused(fault ?? '')
  const existing = new Map<string, string>()
  for (const path of project.paths) {
    const file = join(folder, path)
    if (existsSync(file)) existing.set(path, readFileSync(file, 'utf8'))
  }
  if (existing.size === 0 && existsSync(folder) && readdirSync(folder).length > 0) {
    return refused(`${folder} is not empty, and holds no project that this command wrote: name another folder.`)
  }
  const written = project.write(publicUrl.replace(/\/+$/, ''), existing)
  if ('fault' in written) return refused(`${folder}: ${written.fault}`)
  for (const [path, text] of written.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const isKept = existing.size > 0
  return {
    end: 'done',
    lines: [
      `${isKept ? 'Brought up to date' : 'Wrote'} the project in ${folder}:`,
      ...[...written.files].map(([path, text]) => {
        const state = existing.get(path) === text ? 'unchanged' : existing.has(path) ? 'changed' : 'new'
        return `  ${state.padEnd(9)}  ${path}`
      }),
      ...(isKept ? ['What you changed in it was kept: scopes, subscriptions and the address were added or set.'] : []),
      'Nothing was sent. What is left to do:',
      ...written.steps(folder).map((step, at) => `  step ${at + 1}   ${step}`),
    ],
  }
}

function refused(line: string): WrittenProject {
  return { end: 'failed', lines: [`${line} Nothing was written.`] }
}

/** @returns why the folder may not stand there; null when it may */
function placeFault(project: ProjectDefinition, folder: string): string | null {
  const real = realOf(folder)
  if (`${real}${sep}`.startsWith(`${repository}${sep}`)) {
    return `${folder} is inside this repository, where it would be committed with it: name a folder elsewhere.`
  }
  const ignored = [folder, real].flatMap(path => path.split(sep)).find(name => project.isIgnoredFolder(name))
  return ignored === undefined
    ? null
    : `${folder} is below a folder named ${ignored}, whose files the tool's command line leaves out of what it uploads: name a folder elsewhere.`
}

/** Of a folder that is not there yet: behind what is there of its path. */
function realOf(folder: string): string {
  if (existsSync(folder)) return realpathSync(folder)
  const parent = dirname(folder)
  return parent === folder ? folder : join(realOf(parent), folder.slice(parent.length))
}
