import type { Business, Job } from '../core/business.ts'
import type { Project, Task } from './records.ts'
import { dayOf } from './state.ts'
import type { Seed } from './state.ts'

export const jobsProject = '99'
export const customerField = '123'
export const orderField = '124'

/**
 * The business as Asana has it: one project whose sections are the stages, and a task a job.
 * @param zone in which an instant has its day
 */
export function seedFrom(business: Business, zone: string): Seed {
  const sections = business.stages.map((name, at) => ({ gid: String(201 + at), name }))
  const project: Project = {
    gid: jobsProject,
    name: 'Jobs',
    createdAt: new Date(business.now.getTime() - 730 * 86_400_000),
    sections,
    fields: [
      { gid: customerField, name: 'Customer' },
      { gid: orderField, name: 'Order' },
    ],
  }
  const sectionGids = new Map(sections.map(({ gid, name }) => [name, gid]))
  return {
    projects: [project],
    users: business.staff.map(({ id, name, email }) => ({ gid: id, name, email })),
    // New tasks go to the end of the list.
    tasks: business.jobs.map(job => taskFrom(job, sectionGids.get(job.stage) ?? sections[0]?.gid ?? '', zone)),
  }
}

function taskFrom(job: Job, sectionGid: string, zone: string): Omit<Task, 'ordinal'> {
  const texts = new Map<string, string>()
  if (job.customer !== null) texts.set(customerField, job.customer)
  if (job.order !== null) texts.set(orderField, job.order)
  return {
    gid: job.id,
    name: job.title,
    notes: job.notes,
    completedAt: job.completedAt,
    dueOn: job.dueAt === null ? job.dueOn : dayOf(job.dueAt, zone),
    dueAt: job.dueAt,
    startOn: job.startsOn,
    startAt: null,
    createdAt: job.createdAt,
    modifiedAt: job.updatedAt,
    assigneeGid: job.staffId,
    memberships: [{ projectGid: jobsProject, sectionGid }],
    texts,
  }
}
