import type { Child } from 'hono/jsx';

import { inlineCode } from '../../inline-code.tsx';
import { FORM_TOKEN_FIELD, type RefusedForm } from '../form.ts';

/** The form token, which every posted form contains. */
export const FormToken = ({ token }: { token: string }) => (
  <input type="hidden" name={FORM_TOKEN_FIELD} value={token} />
);

/** A form that posts to a path of the dashboard. `fields` are hidden. */
export const Form = ({
  action,
  token,
  fields = {},
  children,
  ...rest
}: {
  action: string;
  token: string;
  fields?: Readonly<Record<string, string>>;
  children: Child;
  class?: string;
}) => (
  <form method="post" action={action} {...rest}>
    <FormToken token={token} />
    {Object.entries(fields).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
    {children}
  </form>
);

type FieldProps = {
  name: string;
  label: string;
  /** What to enter, or what it is for. */
  hint?: Child;
  error?: string | undefined;
  /** Where the error can be removed. */
  remedy?: Child;
  value?: string | undefined;
  type?: 'text' | 'password' | 'search';
  placeholder?: string;
  maxlength?: number;
  required?: boolean;
  autocomplete?: string;
  spellcheck?: boolean;
};

/** A labeled text field, with its hint and its error, which a screen reader reads with it. */
export const Field = ({ name, label, hint, error, remedy, type = 'text', ...input }: FieldProps) => {
  const described = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ');
  return (
    <div class={error === undefined ? 'field' : 'field wrong'}>
      <label for={name}>{label}</label>
      {hint && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      <input
        id={name}
        name={name}
        type={type}
        aria-describedby={described === '' ? undefined : described}
        aria-invalid={error === undefined ? undefined : 'true'}
        {...input}
      />
      {error && (
        <p class="error" id={`${name}-error`}>
          {inlineCode(error)}
          {remedy && <> {remedy}</>}
        </p>
      )}
    </div>
  );
};

/** The field of a name. After a refusal it has what was typed, and the error. */
export const NameField = ({
  label = 'Name',
  refused,
  value,
  ...rest
}: Pick<FieldProps, 'hint' | 'value' | 'placeholder'> & { label?: string; refused: RefusedForm | undefined }) => (
  <Field
    name="name"
    label={label}
    value={refused?.typed.get('name') ?? value}
    error={refused?.errors['name']}
    maxlength={100}
    autocomplete="off"
    required
    {...rest}
  />
);

/** A checkbox, explained in a sentence. */
export const Checkbox = ({
  name,
  label,
  checked,
  value = 'true',
  id = name,
  children,
}: {
  name: string;
  label: string;
  checked: boolean;
  value?: string;
  id?: string;
  children: Child;
}) => (
  <div class="choice">
    <input type="checkbox" id={id} name={name} value={value} checked={checked} aria-describedby={`${id}-is`} />
    <label for={id}>{label}</label>
    <p id={`${id}-is`}>{children}</p>
  </div>
);

/** Radio buttons, each explained in a sentence. */
export const Choices = ({
  name,
  legend,
  chosen,
  choices,
  children,
}: {
  name: string;
  legend: string;
  chosen: string;
  choices: readonly { value: string; label: string; explanation: string }[];
  children?: Child;
}) => (
  <fieldset class="choices">
    <legend>{legend}</legend>
    {choices.map(({ value, label, explanation }) => (
      <div class="choice">
        <input
          type="radio"
          id={`${name}-${value}`}
          name={name}
          value={value}
          checked={value === chosen}
          aria-describedby={`${name}-${value}-is`}
        />
        <label for={`${name}-${value}`}>{label}</label>
        <p id={`${name}-${value}-is`}>{explanation}</p>
      </div>
    ))}
    {children}
  </fieldset>
);
