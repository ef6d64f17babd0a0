-- The project of the specs: names with spaces, `#` and umlauts, lines with CRLF and wide characters.

--- Return a definition too long to share a chunk with its neighbours: hits begin where chunks do.
local function long(head, line, tail)
  local lines = { head }
  for number = 1, 28 do
    lines[#lines + 1] = line:format(number, number)
  end
  lines[#lines + 1] = tail
  return table.concat(lines, '\n') .. '\n'
end

local SHELVES =
  long('def paint_shelves(shelves):', '    shelves[%d].coat(colour="grey", layers=%d)', '    return 0\n\n')

return {
  ['shop/basket.py'] = SHELVES .. long(
    'def apply_voucher(total, voucher):\n    """Reduce the total by a voucher, never below zero."""',
    '    total = voucher.reduce(total, step=%d, limit=%d)',
    '    return max(0, total)'
  ) .. '\n\nclass Basket:\n    """What a customer wants to buy."""\n',
  ['shop/mail.py'] = [[
from shop.basket import Basket


def send_invoice(customer, basket):
    """Send the invoice by mail."""
    return customer.mailbox.deliver(basket)
]],
  ['tests/test_basket.py'] = [[
from shop.basket import apply_voucher


def test_a_voucher_is_never_worth_more_than_the_basket(voucher):
    assert apply_voucher(5, voucher) == 0
]],
  ['c# code/größe #1.py'] = '# Überschrift 😀\n'
    .. SHELVES:gsub('grey', 'grey 😀')
    .. long(
      'def bestimme_größe(maß):  # 😀 Schuhgröße\n    """Return the shoe size for a length of foot."""',
      '    maß = runde_größe(maß, %d) if maß > %d else maß  # 😀',
      '    return maß'
    ),
  ['windows/legacy.c'] = ('/* written on Windows */\n#include <stdio.h>\n\n' .. long(
    'void paint(struct shelf *shelves)\n{',
    '    coat_with_colour(shelves[%d], "grey", %d);',
    '}\n'
  ) .. long(
    'static int parse_barcode(const char *digits)\n{\n    /* The check digit is the last one. */',
    '    check += weigh_digit(digits[%d], check, %d);',
    '    return check;\n}'
  )):gsub('\n', '\r\n'),
  ['notes'] = 'The warehouse closes on Sundays.\n',
}
