/** What the made-up business is called by: people, places, work, goods. */

export const firstNames = [
  'Alice',
  'Ben',
  'Carla',
  'David',
  'Elena',
  'Frank',
  'Grace',
  'Hugo',
  'Ines',
  'Jack',
  'Karen',
  'Liam',
  'Maya',
  'Noah',
  'Olivia',
  'Paul',
  'Quinn',
  'Rosa',
  'Sam',
  'Tess',
  'Umar',
  'Vera',
  'Walt',
  'Yara',
] as const

export const lastNames = [
  'Abbott',
  'Baker',
  'Castro',
  'Dunn',
  'Ellis',
  'Foster',
  'Grant',
  'Hayes',
  'Irwin',
  'Jensen',
  'Keller',
  'Lowe',
  'Mercer',
  'Nolan',
  'Ortiz',
  'Parker',
  'Reyes',
  'Shaw',
  'Turner',
  'Underwood',
  'Vance',
  'Walsh',
  'Young',
  'Zimmer',
] as const

export const streets = [
  'Maple Street',
  'Mill Lane',
  'Station Road',
  'Church Street',
  'Park Avenue',
  'Harbour View',
] as const

export const places = [
  { city: 'Springfield', state: 'IL', zip: '62701' },
  { city: 'Portland', state: 'OR', zip: '97201' },
  { city: 'Burlington', state: 'VT', zip: '05401' },
  { city: 'Asheville', state: 'NC', zip: '28801' },
  { city: 'Boulder', state: 'CO', zip: '80302' },
] as const

export const staffNames = ['Sam Porter', 'Nina Holt', 'Ravi Menon', 'Joan Beck', 'Tom Ashby', 'Lena Fuchs'] as const

export const works = [
  'Boiler service',
  'Install boiler',
  'Replace radiator valve',
  'Repair leaking tap',
  'Clear blocked drain',
  'Install thermostat',
  'Bleed and balance radiators',
  'Replace hot water cylinder',
  'Gas safety check',
  'Fit shower pump',
] as const

export const remarks = [
  'Key under the third flower pot.',
  'Call half an hour before.',
  'Parking in the yard behind the house.',
  'Dog is friendly.',
  'Parts are in the van.',
] as const

/** Name, description, price in US cents. */
export const catalogue = [
  ['Call-out', 'Coming to the house, first half hour included', 8500],
  ['Labour, hour', 'One person, one hour', 9000],
  ['Labour, out of hours', 'One person, one hour, nights and weekends', 15000],
  ['Boiler service', 'Yearly inspection and cleaning', 14500],
  ['Gas safety check', 'With certificate', 7900],
  ['Combi boiler 24 kW', 'Condensing, wall-hung', 129900],
  ['Combi boiler 30 kW', 'Condensing, wall-hung', 154900],
  ['Hot water cylinder 180 l', 'Indirect, stainless steel', 74900],
  ['Room thermostat', 'Programmable, wired', 8900],
  ['Smart thermostat', 'With radio receiver', 19900],
  ['Radiator 600 x 1000', 'Double panel', 16500],
  ['Radiator valve', 'Thermostatic, pair', 4900],
  ['Circulation pump', 'High efficiency', 21900],
  ['Expansion vessel 18 l', 'For closed heating systems', 6900],
  ['Magnetic filter', 'With isolating valves', 11900],
  ['Inhibitor', 'One litre, for 100 litres of system water', 2400],
  ['Power flush', 'Up to ten radiators', 49900],
  ['Kitchen tap', 'Single lever, chrome', 9900],
  ['Basin tap', 'Single lever, chrome', 7900],
  ['Shower pump', 'Twin impeller, 2 bar', 32900],
  ['Copper pipe, metre', '15 mm, with fittings', 1200],
  ['Waste pipe, metre', '40 mm, with fittings', 700],
  ['Drain clearing', 'By machine, up to ten metres', 12900],
  ['Oil filter', 'No longer stocked', 3900],
  ['Immersion heater', 'No longer stocked', 8900],
] as const
