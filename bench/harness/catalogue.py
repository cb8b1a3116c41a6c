"""Books that nobody wrote: as many as are wanted, the same ones every time.

Words follow Zipf's law, as those of real titles do: a search for the most common one finds a good part of all books, and
most words are in a few.
"""

import csv
import itertools
import random
from pathlib import Path

COPIES = 10_000_000
PRICE = "10.00"
WORDS = 40_000
SURNAMES = 20_000

_COMMON = """the of and a in to for with on history life love world time war house night day city road king queen sea
river stone fire water wind light shadow garden winter summer spring autumn letter book story song dance dream journey return
secret lost last first new old great little long dark white black red blue green golden silver iron glass paper wood mountain
forest island desert valley bridge tower castle village street door window mirror clock bell ship train horse wolf bird fish
rose tree apple bread salt honey milk wine art science nature mind body soul heart hand eye mother father daughter son
brother sister child woman man people stranger friend enemy teacher doctor soldier sailor farmer thief judge physics
mathematics chemistry music painting cooking travel language memory silence freedom justice truth power money""".split()
_FIRST_NAMES = """Ana Luis Maria Joao Emma Paul Nina Oskar Ida Hugo Clara Felix Marta Pedro Sofia Jonas Lena David Ruth Simon
Olga Ivan Vera Anton Yuki Kenji Mei Wei Amara Kofi Zola Tariq Leila Omar Noor Ravi Priya Arjun Mina Jorge""".split()
_TOPICS = """adventure anthropology architecture art biography business chemistry classics comics computing cooking crime
drama economics education engineering essays fantasy gardening geography history horror humour languages law linguistics
mathematics medicine memoir music mythology nature philosophy photography physics poetry politics psychology religion romance
satire science society sports technology theatre thriller travel war western""".split()
_SYLLABLES = "ba be bi bo bu da de di do du ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu ra re ri ro ru".split()


def word(rank: int) -> str:
    """The word of this rank (from 0), among the words of titles: the lower, the more common."""
    if rank < len(_COMMON):
        return _COMMON[rank]
    return _made_up(rank, "n")


def surname(rank: int) -> str:
    """An author's last name."""
    return _made_up(rank, "sk").capitalize()


def _made_up(number: int, end: str) -> str:
    """Different for every number, and pronounceable."""
    # Multiplying by an odd number mixes the digits and keeps every number of 18 bits different.
    number = number * 40_503 % (1 << 18) + (1 << 18)
    syllables = []
    while number:
        number, digit = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[digit])
    return "".join(syllables) + end


def _zipf(count: int) -> list[float]:
    return list(itertools.accumulate(1 / (rank + 2.7) for rank in range(count)))


def isbn(number: int) -> str:
    """An ISBN-13 of a range that is assigned to nobody."""
    digits = f"9799{number:08d}"
    odd, even = (sum(map(int, digits[at::2])) for at in (0, 1))
    return digits + str(-(odd + 3 * even) % 10)


def rows(books: int):
    """Rows for `lastcopy import`, after a header."""
    chance = random.Random(4711)
    words, by_word = [word(rank) for rank in range(WORDS)], _zipf(WORDS)
    surnames, by_name = [surname(rank) for rank in range(SURNAMES)], _zipf(SURNAMES)
    yield ["isbn", "title", "author", "topic", "first_year", "price", "stock"]
    for number in range(1, books + 1):
        title = " ".join(chance.choices(words, cum_weights=by_word, k=chance.randint(2, 7)))
        author = f"{chance.choice(_FIRST_NAMES)} {chance.choices(surnames, cum_weights=by_name)[0]}"
        year = chance.randint(1850, 2025)
        yield [isbn(number), title.capitalize(), author, chance.choice(_TOPICS), year, PRICE, COPIES]


def write(file: Path, books: int, sold_out: int = 0) -> None:
    """A CSV file of books, and behind them some of which there is no copy."""
    part = file.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out, lineterminator="\n")
        lines.writerows(rows(books))
        for number in range(books + 1, books + sold_out + 1):
            lines.writerow([isbn(number), f"Sold out {number}", "Nobody Here", "satire", 1999, PRICE, 0])
    part.rename(file)


def shuffled(file: Path, items: list) -> None:
    """Ids, one a line, in an order that is no order of theirs."""
    mixed = list(items)
    random.Random(1).shuffle(mixed)
    file.write_text("".join(f"{item}\n" for item in mixed))
