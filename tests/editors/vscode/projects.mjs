// The projects of the tests: names with spaces, `#` and umlauts, lines with CRLF and wide characters.

/** A definition too long to share a chunk with its neighbours: hits begin where chunks do. */
const long = (head, line, tail) =>
  [head, ...Array.from({ length: 28 }, (_, n) => line(n + 1)), tail].join('\n') + '\n';

const SHELVES = long(
  'def paint_shelves(shelves):',
  (n) => `    shelves[${n}].coat(colour="grey", layers=${n})`,
  '    return 0\n\n',
);

export const shop = {
  'shop/basket.py':
    SHELVES +
    long(
      'def apply_voucher(total, voucher):\n    """Reduce the total by a voucher, never below zero."""',
      (n) => `    total = voucher.reduce(total, step=${n}, limit=${n})`,
      '    return max(0, total)',
    ) +
    '\n\nclass Basket:\n    """What a customer wants to buy."""\n',
  'shop/mail.py': `from shop.basket import Basket


def send_invoice(customer, basket):
    """Send the invoice by mail."""
    return customer.mailbox.deliver(basket)
`,
  'tests/test_basket.py': `from shop.basket import apply_voucher


def test_a_voucher_is_never_worth_more_than_the_basket(voucher):
    assert apply_voucher(5, voucher) == 0
`,
  'c# code/größe #1.py':
    '# Überschrift 😀\n' +
    SHELVES.replaceAll('grey', 'grün 😀') +
    long(
      'def bestimme_größe(maß):  # 😀 Schuhgröße\n    """Return the shoe size for a length of foot."""',
      (n) => `    maß = runde_größe(maß, ${n}) if maß > ${n} else maß  # 😀`,
      '    return maß',
    ),
  'windows/legacy.c': (
    '/* written on Windows */\n#include <stdio.h>\n\n' +
    long('void paint(struct shelf *shelves)\n{', (n) => `    coat_with_colour(shelves[${n}], "grey", ${n});`, '}\n') +
    long(
      'static int parse_barcode(const char *digits)\n{\n    /* The check digit is the last one. */',
      (n) => `    check += weigh_digit(digits[${n}], check, ${n});`,
      '    return check;\n}',
    )
  ).replaceAll('\n', '\r\n'),
  'web/ready.js': '// The page is ready.\n$(document).ready(function () {\n  $(window).trigger("shop-opened");\n});\n',
  notes: 'The warehouse closes on Sundays.\n',
};

export const kitchen = {
  'bread.py': 'def bake_bread(flour, yeast):\n    """Knead the dough and bake it."""\n    return flour + yeast\n',
};
