/** The simulator's own address: who has an account, and a scale for each to step on. */
import type { Context } from 'hono';
import { html } from 'hono/html';

import { errorPage, page, type Markup } from './oauth/consent-page.ts';
import type { Person } from './people/people.ts';
import type { SimulatorState } from './state.ts';

const USUAL_WEIGHT_KG = 70;
const WEIGHT = 1;

/** The newest measured weight, with one decimal. */
const newestWeightKg = (person: Person): string => {
  const newest = person.groups
    .all()
    .filter(({ category, measures }) => category === 1 && measures.some(({ type }) => type === WEIGHT))
    .reduce<{ date: number; kg: number } | null>((found, { date, measures }) => {
      const weight = measures.find(({ type }) => type === WEIGHT);
      return weight === undefined || (found !== null && found.date > date)
        ? found
        : { date, kg: weight.value * 10 ** weight.unit };
    }, null);
  return (newest?.kg ?? USUAL_WEIGHT_KG).toFixed(1);
};

const entry = (person: Person): Markup =>
  html`<li>
    <strong>${person.name}</strong>: ${person.description}
    <form class="weigh-in" method="post" action="/weigh-ins/${person.id}">
      <label for="weight-${person.id}">Weight (kg)</label>
      <input
        id="weight-${person.id}"
        type="number"
        name="weight_kg"
        min="1"
        max="500"
        step="0.1"
        value="${newestWeightKg(person)}"
        required
      />
      <button type="submit">Weigh in</button>
    </form>
  </li>`;

/** What the simulator's own address shows. */
export const frontPage = (people: Person[]): Markup =>
  page(
    'A simulated Withings',
    html`<h1>A simulated Withings</h1>
      <p>
        Apps send their users here to allow access, and call its API. A weigh-in is pushed to the apps that have
        subscribed. <a href="/_control">/_control</a> lists what a program can change.
      </p>
      <h2>People</h2>
      <ul>
        ${people.map(entry)}
      </ul>`,
  );

/** The person steps on the scale, and the browser sees the page again. */
export const weighIn = async (state: SimulatorState, c: Context): Promise<Response> => {
  // A page of another origin may send a form too.
  const origin = c.req.header('origin');
  if (origin !== undefined && origin !== new URL(c.req.url).origin) return c.body(null, 403);
  const person = state.people.find(c.req.param('person') ?? '');
  const form = await c.req.parseBody();
  const weightKg = Number(form['weight_kg']);
  if (person === undefined || !(weightKg >= 1 && weightKg <= 500)) {
    return c.html(errorPage('Choose one of the people, and a weight from 1 to 500 kg.'), 400);
  }
  state.weighIns.add(person, { weightKg });
  return c.redirect('/', 303);
};
