/** A rule for the linter of the OpenAPI document, which has none for it: every property is described. */

type Property = { description?: unknown };
type Context = { report: (problem: { message: string; location: unknown }) => void; location: Location };
type Location = { child: (name: string) => Location };

const propertyDescription = () => ({
  SchemaProperties: (properties: Record<string, Property>, { report, location }: Context) => {
    for (const [name, { description }] of Object.entries(properties)) {
      if (typeof description === 'string' && description !== '') continue;
      report({ message: `The property \`${name}\` needs a description.`, location: location.child(name) });
    }
  },
});

// oxlint-disable-next-line import/no-default-export -- as the linter wants its plugins
export default () => ({ id: 'descriptions', rules: { oas3: { properties: propertyDescription } } });
