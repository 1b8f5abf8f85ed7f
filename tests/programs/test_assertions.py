"""The stock of assertions: each one held, broken, and at its edges. A broken one speaks to the writer."""

import random
import time
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from seedless.assertions import (
    Assertion,
    Complete,
    Conflict,
    Contains,
    Echo,
    FieldsDiffer,
    FreshOpening,
    Language,
    Length,
    NearDuplicate,
    Stock,
    kinds,
)
from seedless.kept import Kept
from seedless.slot import Context, Draft, InstanceSeed, Slot
from seedless.task import Task

SLOT = Slot(0, 0, "positive", InstanceSeed("the ending", Context("comedy")))
READER: TypeAdapter[Assertion] = TypeAdapter(Stock)


def of(kind: str, **parameters: Any) -> Assertion:
    """The assertion as a task file gives it."""
    return READER.validate_python({"kind": kind, **parameters})


def told(assertion: Assertion, text: str | dict[str, str], kept: Kept | None = None) -> str | None:
    """What the assertion says of a draft."""
    draft = Draft({"text": text} if isinstance(text, str) else text)
    return assertion.check(draft, SLOT, kept or Kept())


def assert_sentence(sentence: str | None) -> None:
    """A broken assertion gives the writer one line that ends properly and says what to do."""
    assert sentence is not None
    assert sentence == sentence.strip() != ""
    assert "\n" not in sentence
    assert sentence[-1] in ".!?"
    orders = (
        "write", "finish", "close", "say", "leave", "vary", "make", "do", "end", "show", "begin",
    )  # fmt: skip
    assert any(f" {order} " in f" {sentence.lower()} " for order in orders), sentence


CONSTRAINTS = (("positive", "Write one line that praises {seed} of the film"), ("negative", "Find fault with every part of it"))

HOLDS: list[tuple[str, dict[str, Any], str]] = [
    ("length", {"min_words": 2, "max_words": 3}, "two words"),
    ("length", {"min_words": 2, "max_words": 3}, "exactly three words"),
    ("length", {"min_words": 1, "max_words": 1}, "café"),
    ("length", {"min_words": 3, "max_words": 3}, "  naïve\tЖуков\nЧехов "),
    ("length", {"min_words": 0}, ""),
    ("length", {"min_words": 2, "max_words": 9}, "It took 2 to 9 days."),
    ("sentences", {}, "It rained."),
    ("sentences", {}, "It rained"),
    ("sentences", {}, "I met Dr. Who and Mrs. Hall at St. Ives."),
    ("sentences", {}, "It costs 3.5 dollars, or 4.25 with tax."),
    ("sentences", {}, "The U.S. Army left."),
    ("sentences", {}, "J. R. R. Tolkien wrote it."),
    ("sentences", {"minimum": 2, "maximum": 2}, 'He said "Go." Then he left.'),
    ("sentences", {"minimum": 2, "maximum": 2}, "你好。再见！"),
    ("sentences", {"minimum": 3, "maximum": 3}, 'He met Dr. Who. "Yes!" she said. It rained.'),
    ("sentences", {"minimum": 2, "maximum": 2}, "He paid. 3 of them left."),
    ("complete", {}, "No mark at the end"),
    ("complete", {}, "(All of it.)"),
    ("complete", {}, 'I bought a 27" monitor and it is dead.'),
    ("complete", {}, 'He is 5\'10" tall, and the box is 3" x 4" x 5".'),
    ("complete", {}, 'He said "I paid 27" and left.'),
    ("complete", {}, 'A 27" monitor, "as new", for "5" only.'),
    ("complete", {}, "A"),
    ("complete", {}, "(A)"),
    ("complete", {}, "I got an A"),
    ("complete", {}, "Option A"),
    ("complete", {"form": "sentence"}, "B."),
    ("complete", {"form": "sentence"}, "Carrots are rich in vitamin A."),
    ("complete", {"form": "sentence"}, "Vitamin A."),
    ("complete", {"form": "sentence"}, "He got a B."),
    ("complete", {"form": "sentence"}, "It happened in Plan B."),
    ("complete", {"form": "sentence"}, "They fought in World War I."),
    ("complete", {"form": "sentence"}, "She is older than I."),
    ("complete", {"form": "sentence"}, "He read it on X."),
    ("complete", {}, "SELECT a FROM t;"),
    ("complete", {}, "x = compute(y, z);"),
    ("complete", {"form": "sentence"}, "It rained."),
    ("complete", {"form": "sentence"}, "“It rained!”"),
    ("complete", {"form": "sentence"}, "It costs 3.5 dollars…"),
    ("complete", {"form": "sentence"}, "下雨了。"),
    ("complete", {"form": "question"}, "Who wrote it?"),
    ("complete", {"form": "question"}, '"Who wrote it?"'),
    ("complete", {"form": "question"}, "谁写的？"),
    ("complete", {"form": "question"}, "What are you waiting for?"),
    ("meta", {}, "The cast is superb, and I am sorry that it ended."),
    ("meta", {}, "Sure enough, the film ends well."),
    ("meta", {}, "Here is a film that knows what it wants."),
    ("meta", {}, "The answer came too late for 3 < 5 of them."),
    ("meta", {}, "Write to me about your post at the bank, the above-mentioned one."),
    ("meta", {}, "See you tonight xx and take care xxx"),
    ("meta", {}, "The review of the contract is on my desk, and the note says that the post is late."),
    ("meta", {}, "The message was about his job."),
    ("meta", {}, "The ABC showed their film, and nobody wanted me to see it."),
    ("meta", {}, ""),
    ("meta", {}, "We have received your request and will answer it by Friday."),
    ("meta", {}, "The new language model beats its rivals, and List<String> is a type."),
    ("meta", {}, "I can't write to you about it any more."),
    ("meta", {}, "Read [the guide](https://example.com) or [the first chapter](docs/first.md) before you ask."),
    ("meta", {}, "It is in [the guide][1] and ![the plan](plan.png)."),
    ("meta", {}, "[guide]: https://example.com"),
    ("meta", {}, "def mean(values: list[float]) -> float: ..."),
    ("meta", {}, "print(sys.argv[index], rows[place][name], f(x)[last])"),
    ("meta", {}, "The half is \\frac{x}{y} of x^{n}, x_{i} and \\{a\\}."),
    ("meta", {}, "The request was denied by my bank yesterday."),
    ("meta", {}, "The instructions are missing from the box."),
    ("meta", {}, "The request was denied: the account holds too little."),
    ("meta", {}, "As per your request the song has been set as your tune."),
    ("meta", {}, "The instructions say to add two cups of water."),
    ("meta", {}, "Note: the shop is closed on Monday."),
    ("meta", {}, "Ok, I will be there at eight."),
    ("meta", {}, "Sure! I am driving but will reach you soon."),
    ("meta", {}, "Ok, let me know when you arrive."),
    ("meta", {}, "Thank you for your prompt reply."),
    ("meta", {}, "I followed your instructions and it still does not turn on."),
    ("meta", {}, "The question is whether we can afford it."),
    ("meta", {}, "I'm an AI engineer, and my boss is an AI and robotics fan."),
    ("meta", {}, "They treat me like I'm not a human. I'm not a human being to them."),
    ("meta", {}, "I'm sorry for the inconvenience, and happy to provide photos; your chatbot was no help."),
    ("meta", {}, "The topic of the talk is late trains."),
    ("meta", {}, "The response was slow and rude."),
    ("meta", {}, "The second statement of my account was late, and the last question was how to pay."),
    ("meta", {}, "I read the first sentence and put the book away."),
    ("meta", {}, "I don't usually write reviews, but this blender earned it."),
    ("meta", {}, "I'm not going to write a long review."),
    ("meta", {}, "I am unable to use my card, and not able to verify my identity."),
    ("meta", {}, "I tried to verify my identity, but I am unable to do so."),
    ("meta", {}, "I'm unable to do this. What is wrong with my card?"),
    ("meta", {}, "My app freezes and I am unable to proceed with this transfer."),
    ("meta", {}, "I'm unable to complete this task because the button is grey."),
    ("meta", {}, "I am unable to compose music since the accident."),
    ("meta", {}, "I'm not able to share this content with my friends from the app."),
    ("meta", {}, "I'm unable to accommodate the request of the guests in room 12."),
    ("meta", {}, "I am unable to create an account, please help."),
    ("meta", {}, "I am not able to provide a receipt for my order."),
    ("meta", {}, "I'm unable to continue to the checkout page."),
    ("meta", {}, "I am unable to answer the security question that you ask."),
    ("meta", {}, "I'm unable to help my mother with her taxes this year."),
    ("meta", {}, "I must decline your kind invitation."),
    ("meta", {}, "I decline your request to join the team."),
    ("meta", {}, "The bug is outside my programming experience."),
    ("meta", {}, "That is far beyond my programming skills."),
    ("meta", {}, "This goes against my guidelines on spending."),
    ("meta", {}, "I don't write these reviews lightly, but this film deserves it."),
    ("meta", {}, "I would rather not draft this player again."),
    ("meta", {}, "I don't write that often any more."),
    ("meta", {}, "I am comfortable producing such texts."),
    ("meta", {}, "It goes against the guidelines of my landlord."),
    ("meta", {}, "Content was blocked by the firewall again."),
    ("meta", {}, "I'll pass on your message."),
    ("complete", {}, "No refunds on that, she said."),
    ("complete", {"form": "sentence"}, "The train will be late, the company says."),
    ("complete", {}, 'He said: "No."'),
    ("language", {}, "Le café à Zürich, Ελλάδα and Москва"),
    ("language", {"scripts": False}, "Stop音乐 in the living room"),
    ("language", {"code": "zh"}, "Stop音乐"),
    (
        "language",
        {},
        "Its name in the original (心) is one letter, " + "and the book tells what it means to those who read it at home. " * 2,
    ),
    ("meta", {"blank": False}, "The cat sat on the ____ all day."),
    ("meta", {"refusal": False}, "That is not something I can help you with, and I have to decline this request."),
    ("meta", {}, f"{'She read on and on in the long letter. ' * 9}I refuse to generate this content."),
    ("meta", {"refusal": False}, "I cannot provide a refund, but I'm happy to help."),
    ("meta", {"preamble": False}, "Title: The lost parcel"),
    ("complete", {"hanging": ()}, "Ich rufe dich morgen an"),
    ("complete", {"form": "sentence"}, "He lives in the U.S."),
    ("echo", {"constraints": CONSTRAINTS}, "This praises the ending."),
    ("echo", {"constraints": CONSTRAINTS}, "Critics find fault with every part of it."),  # another label's
    ("echo", {"constraints": CONSTRAINTS}, "Write one line that"),  # four words: too short a run
    ("echo", {}, "Write one line that praises it"),
    ("loops", {}, "It was the best of films and the worst of them."),
    ("loops", {}, "I had had enough, and it was very very long, ha ha."),
    ("loops", {}, "Call 5 5 1 at once."),
    ("loops", {}, "They ran it in Java. Java was slow, long, long ago, bye-bye."),
    ("loops", {}, "Safety\n\nSafety comes first."),
    ("loops", {}, "What a film!!! Truly..."),
    ("loops", {}, "Great 🎉🎉 fun"),
    ("loops", {}, "| item | price |\n|------|-------:|\n| tea | 3.50 |"),
    ("loops", {}, "+------+------+\n| tea | 3.50 |\n+------+------+"),
    ("loops", {}, "Release notes\n=====\n\nTwo bugs are mended.\n\n----\n\nOne is left."),
    ("loops", {}, "#### Summary\nThe build is green again."),
    ("loops", {"marks": False}, "Well..........."),
    ("loops", {"marks": False}, "-----Original Message-----"),
    ("loops", {"doubles": False}, "Anak-anak bermain pelan pelan."),
    ("loops", {"doubles": False}, "妈妈天天看看窗外的小鸟。"),
    (
        "loops",
        {"doubles": False},
        " ".join(random.Random(0).choices([f"w{i}" for i in range(150)], k=500)),
    ),  # long: three in ten are different ones
    ("echo", {"constraints": [("a", "写一条关于电影的正面评论，语气自然")]}, "关于电影的故事。"),  # five characters are no run
    ("no_label_word", {"banned": ["好"]}, "你好，这里是前台。"),
    ("complete", {"form": "sentence"}, "यह अच्छा है।"),
    ("complete", {"form": "sentence"}, "他说：「下雨了。」"),
    ("complete", {"form": "question"}, "Ποιος το έγραψε;"),
    ("complete", {"form": "sentence"}, "Ποιος το έγραψε;"),
    *(
        ("complete", {"form": "sentence"}, said)
        for said in ("Sie sagte: „Es regnet.“", "»Es regnet.«", "›Es regnet.‹", "‚Es regnet.‘")
    ),
    ("complete", {"form": "question"}, "Er fragte: „Warum regnet es?“"),
    *(("complete", {"form": "question"}, said) for said in ("部屋はきれいですか。", "誰が書いたのか。")),
    ("sentences", {"minimum": 1, "maximum": 1}, 'उसने कहा, "बारिश हुई।"'),
    ("sentences", {"minimum": 2, "maximum": 2}, "وصل القطار. غادر الناس."),
    ("loops", {}, ""),
    ("no_label_word", {"banned": ["positive"]}, "A positively charming film"),
    ("no_label_word", {"banned": ["product_question"]}, "A question about the product"),
    ("no_label_word", {"banned": []}, "positive"),
    ("no_label_word", {"banned": ["!"]}, "Wow!"),
    ("contains", {"field": "text", "any_of": ["cast", "script"]}, "The SCRIPT is good"),
    ("contains", {"field": "text", "any_of": ["  STRASSE "]}, "in der straße"),
    ("contains", {"field": "text", "any_of": ["new york"]}, "They live in New-York."),
    ("contains", {"field": "text", "any_of": ["$", "€"]}, "I paid $5 for it."),
    ("excludes", {"field": "text", "any_of": ["$", "€"]}, "I paid 5 for it."),
    ("excludes", {"field": "text", "any_of": ["cast", "script"]}, "The music is good"),
    ("excludes", {"field": "text", "any_of": [" ", ""]}, "any text"),
    ("language", {}, "The film was long, but the ending was worth the wait."),
    ("language", {"code": "de"}, "Der Film war lang, aber das Ende war das Warten wert."),
    ("language", {"code": "id"}, "Orang-orang di desa itu sangat ramah kepada kami semua."),  # a Malay text, too
    ("language", {"code": "ii"}, "Der Film war lang, aber das Ende war das Warten wert."),  # no language that the model knows
    ("language", {"min_words": 8}, "Der Film war lang"),  # too short to tell
    ("language", {}, "Nikon D750 DSLR Camera Body Only 24.3MP FX"),
    ("language", {}, "Samsung Galaxy S21 Ultra 5G 128GB Phantom Black Unlocked SM-G998U"),
    ("language", {}, "Pt c/o SOB x 3d, no CP, hx HTN DM2 CKD3"),
    ("language", {}, "BP 120/80 HR 72 RR 16 T 98.6 SpO2 99% RA"),
    ("language", {}, "SELECT name, total FROM orders WHERE total > 100 ORDER BY total DESC;"),
    ("language", {}, "for i in range(10): print(i, i * i, sep=',')"),
    ("language", {}, '{"id": 12, "name": "Anna", "tags": ["a", "b"], "ok": true}'),
    ("language", {}, "A1 B2 C3 D4 E5 F6 G7 H8 I9 J10 K11 L12"),
    ("language", {}, "3 5 7 11 13 17 19 23 29 31"),
    ("language", {}, "Ludwig van Beethoven, Piano Sonata No. 14 in C-sharp minor, Op. 27"),
    ("language", {"code": "es"}, "Nikon D750 DSLR Camera Body Only 24.3MP FX"),
    ("regex", {"pattern": r"\d", "message": "Write a number."}, "3.5 stars"),
    ("regex", {"pattern": "^$", "message": "Write nothing."}, ""),
    ("regex", {"pattern": r"\d{3,}-\d{4}", "absent": True, "message": "Write no number."}, "somewhat " * 8000),
    ("regex", {"pattern": "é", "absent": True, "message": "Write no accent."}, "cafe"),
    *(
        ("meta", {}, said)
        for said in ("I'm an expert in AI.", "I'm not a human, I'm a zombie before coffee.", "I was programmed to help others.")
    ),
    *(
        ("meta", {}, said)
        for said in ("While the topic is heavy, the film is light.", "What is the topic of the meeting tomorrow?")
    ),
    ("complete", {"form": "sentence"}, "Il dit : « Viens. »"),
]

BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("length", {"min_words": 2, "max_words": 3}, "one"),
    ("length", {"min_words": 2, "max_words": 3}, "now there are four"),
    ("length", {}, ""),
    ("length", {}, " \t\n"),
    ("length", {"min_words": 8, "max_words": 45}, "Hello city, I am in 8 to 45 words, so please reply."),
    ("sentences", {}, "It rained. It stopped."),
    ("sentences", {}, "Who? Me! I see."),
    ("sentences", {}, ""),
    ("sentences", {"minimum": 2, "maximum": 3}, "I met Dr. Who."),
    ("sentences", {}, "It costs 3.5. Then more."),
    ("complete", {"form": "sentence"}, "It rained"),
    ("complete", {"form": "sentence"}, "It rained, and"),
    ("complete", {"form": "sentence"}, "It rained on the."),
    ("complete", {"form": "sentence"}, ""),
    ("complete", {"form": "question"}, "Who wrote it."),
    ("complete", {"form": "question"}, "部屋は静か。"),
    ("complete", {"form": "sentence"}, "It rained;"),
    ("complete", {"form": "sentence"}, "Er sagte: „Es regnet“"),
    *(("complete", {"form": "sentence"}, f"Il part. {opened}") for opened in "«‹‘“"),
    ("complete", {"form": "question"}, "Pourquoi ? «"),
    ("complete", {"form": "question"}, "残りはわずか。"),
    ("no_label_word", {"banned": ["İltifat"]}, "bu da bir iltifat"),
    ("no_label_word", {"banned": ["Isı"]}, "burada ısı var"),
    ("complete", {"form": "question"}, "Who wrote it? I did."),
    ("complete", {"form": "question"}, ""),
    ("complete", {}, "It rained,"),
    ("complete", {}, "It rained ("),
    ("complete", {}, 'The 27" monitor is "great'),
    ("complete", {}, 'He said "I paid 27'),
    ("complete", {}, 'She wrote 5 "notes'),
    ("complete", {}, "a"),
    ("complete", {}, "It was a"),
    ("complete", {}, "THEY ATE A"),
    ("complete", {"form": "sentence"}, "He met Dr. J."),
    ("complete", {"form": "sentence"}, "It stars Samuel L."),
    ("complete", {"form": "sentence"}, "He took part in a."),
    ("complete", {"form": "sentence"}, "It rained and I waited on a."),
    ("complete", {"form": "sentence"}, "It was shot by A."),
    ("complete", {}, "He spoke to ministers of the A"),
    ("complete", {}, "It rained:"),
    ("complete", {}, "It rained -"),
    ("complete", {}, "x = compute(y,"),
    ("complete", {}, "x = compute(y;"),
    ("complete", {"form": "sentence"}, "It rained;"),
    ("complete", {}, "It rained and"),
    ("complete", {}, 'He said "go'),
    ("complete", {}, "He said “go"),
    ("complete", {}, "He left (at last."),
    ("complete", {}, '"'),
    ("complete", {}, ""),
    ("meta", {}, "As an AI, I have no views."),
    ("meta", {}, "I am just a language model."),
    ("meta", {}, "How do I check in, I'm a chatty AI!"),
    ("meta", {}, "I’m Sarah, the AI chatbot designed to help with bookings."),
    ("meta", {}, "I am a social media AI and I love it."),
    ("meta", {}, "I'm sorry, but as a banking chatbot, I know no PIN."),
    ("meta", {}, "I have no control over the internet, and I'm not a human."),
    ("meta", {}, "This is what I'm designed to help with."),
    ("meta", {}, "I lost my card. The topic is in a hurry."),
    ("meta", {}, "What is the topic? I am at home."),
    ("meta", {}, "I'd be happy to help you with that."),
    ("meta", {}, "Here is a sentence based on your request."),
    ("meta", {"blank": False}, "As an AI, I see no ____."),
    ("complete", {}, "Er sagte „Guten Morgen und ging."),
    ("complete", {"form": "sentence"}, "It was written by J."),
    ("meta", {}, "I'm sorry, but I cannot do this."),
    ("meta", {}, "I won't write content of that kind, but I can suggest something else."),
    ("meta", {}, "Unfortunately, I am unable to comply with this request."),
    ("meta", {}, "This request goes against my guidelines, so I have to decline."),
    ("meta", {}, "I must decline to write this message."),
    ("meta", {}, "I must decline your request to write this."),
    ("meta", {}, "I decline this request for such content."),
    ("meta", {}, "This goes against my guidelines on harmful content."),
    ("meta", {}, "My programming does not allow me to write that."),
    ("meta", {}, "My programming prevents me from doing so."),
    ("meta", {}, "That goes against my programming."),
    ("meta", {}, "I'm unable to satisfy your request."),
    ("meta", {}, "I apologize, but I am unable to do so."),
    ("meta", {}, "I'm not able to do that."),
    ("meta", {}, "I'm unable to proceed with this."),
    ("meta", {}, "I'm unable to proceed with this request."),
    ("meta", {}, "I'm unable to complete the request."),
    ("meta", {}, "I'm unable to do this, as it goes against policy."),
    ("meta", {}, "I'm unable to write a negative film review."),
    ("meta", {}, "I am not able to provide any information on that."),
    ("meta", {}, "I'm unable to generate hateful or offensive messages."),
    ("meta", {}, "I'm unable to assist you today."),
    ("meta", {}, "I am unable to help with that."),
    ("meta", {}, "I'm unable to continue."),
    ("meta", {}, "I'm unable to accommodate this request."),
    ("meta", {}, "I am not able to compose this text."),
    ("meta", {}, "I'm unable to offer this content."),
    ("meta", {}, "Sorry, but that's not something I can create for you."),
    ("meta", {}, "I'd rather not write that one, if it is all right."),
    ("meta", {}, "I'm going to have to pass on writing this one."),
    ("meta", {}, "My guidelines do not allow me to produce this content."),
    ("meta", {}, "I apologize, but generating such content would be inappropriate."),
    ("meta", {}, "Content withheld because of the safety policy of the model."),
    ("meta", {}, "I do not feel comfortable writing a message like that."),
    ("meta", {}, "I refuse to generate this content."),
    ("meta", {}, "I don’t produce such messages."),
    ("meta", {}, "It would not be appropriate for me to write such a message."),
    ("meta", {}, "I can't provide that."),
    ("meta", {}, "Of course, let me try."),
    ("meta", {}, "Sure, here you go."),
    ("meta", {}, "Here is a review: good."),
    ("meta", {}, "Review: The film is good."),
    ("meta", {}, "Rewrite the sentence so that it fits."),
    ("meta", {}, "Dear [Name of the guest], welcome."),
    ("meta", {}, "Dear <first name>, welcome."),
    ("meta", {}, "Dear {name}, welcome."),
    ("meta", {}, "Dear [First name][Last name], welcome."),
    ("meta", {}, "Dear [Name](title), welcome."),
    ("meta", {}, "Dear [Name]: welcome."),
    ("meta", {}, "Dear {first}{last}, welcome."),
    ("meta", {}, "The code is XXX."),
    ("meta", {}, "The request is to write a review of the film."),
    ("meta", {}, "The request asks for a sentence about a bank."),
    ("meta", {}, "The instructions are as follows: write one line."),
    ("meta", {}, "Note: this is a fictional message."),
    ("meta", {}, "Sure, I can write that for you."),
    ("meta", {}, "Sure, I came up with this one: The film is good."),
    ("meta", {}, "Following your instructions, this one is about a bank."),
    ("meta", {}, "It fits your prompt."),
    ("meta", {}, "The question is about a volcano."),
    ("meta", {}, "The response should be short."),
    ("meta", {}, "The capital is ____."),
    ("meta", {}, "Lorem ipsum dolor"),
    ("meta", {}, "What is the meaning of the above answer?"),
    ("meta", {}, "What kind of angry post do you want me to write?"),
    ("meta", {}, "Start by writing a few words on how you feel."),
    ("meta", {}, "I am writing a happy post about a picnic."),
    ("meta", {}, "Add a smile to your caption."),
    ("meta", {}, "The board of XYZ Bank met today."),
    ("meta", {}, "ABC Corp sold its resorts."),
    ("meta", {}, "This film review describes a witty ending."),
    ("meta", {}, "The news article is about a plane crash."),
    ("meta", {}, "The second sentence is true."),
    ("meta", {}, "This last sentence contradicts it."),
    ("meta", {}, "It rained, so the first statement is also true."),
    ("complete", {}, "It rained all day, he said"),
    ("complete", {}, '"He said"'),
    ("complete", {}, "Then my bank says"),
    ("complete", {}, "I do not know whether"),
    ("language", {}, "Stop音乐 in the living room"),
    ("language", {}, "My 음악 is too loud"),
    ("language", {}, "Great day مرحبا"),
    ("language", {}, "สวัสดี and bye"),
    ("echo", {"constraints": CONSTRAINTS}, "I will write one LINE that, praises the film"),
    ("echo", {"run": 3, "constraints": CONSTRAINTS}, "of the film"),
    ("loops", {}, "it is a good film and it is a good film"),
    ("loops", {}, "It was the the end."),
    ("loops", {}, "It was the\nThe end."),
    ("loops", {"times": 9}, "a b a c a b a c b a c a b c"),
    ("loops", {}, "-----"),
    ("loops", {}, "----\n----"),
    ("loops", {}, "It rained.\n----\n----\n----\nIt stopped."),
    ("loops", {}, "-----Original Message-----"),
    ("loops", {}, "It rained.\n" + "-" * 400),
    ("loops", {}, "It rained #### and rained"),
    ("loops", {}, "#### #### ####"),
    ("loops", {}, "| item |\n|------|\n| ------ and tea |"),
    ("loops", {}, "Well..........."),
    ("loops", {"marks": False}, "It was the the end."),
    ("loops", {"times": 99}, " ".join(f"w{i}" for i in range(60)) + " a b c" * 40),
    ("loops", {"doubles": False}, "这部电影真的非常非常好看，这部电影真的非常非常好看。"),
    ("no_label_word", {"banned": ["正面"]}, "这是一条正面评论。"),
    ("complete", {}, "他说，"),
    ("complete", {"form": "question"}, "Who wrote it;"),
    ("loops", {}, "🎉🎉🎉🎉🎉"),
    ("loops", {}, "Nooooooooooo way"),
    ("no_label_word", {"banned": ["positive"]}, "It is (POSITIVE)!"),
    ("no_label_word", {"banned": ["positive"]}, 'The "positive" one'),
    ("no_label_word", {"banned": ["product_question"]}, "This is a product question."),
    ("no_label_word", {"banned": ["naïve"]}, "How NAÏVE."),
    ("no_label_word", {"banned": ["sci-fi"]}, "A sci fi film"),
    ("contains", {"field": "text", "any_of": ["cast", "script"]}, "The music is good"),
    ("contains", {"field": "text", "any_of": ["cast"]}, ""),
    ("excludes", {"field": "text", "any_of": ["cast", "script"]}, "The Script is good"),
    ("excludes", {"field": "text", "any_of": ["sci fi"]}, "A sci-fi film"),
    ("excludes", {"field": "text", "any_of": ["#"]}, "So happy #blessed"),
    ("contains", {"field": "text", "any_of": ["$", "€"]}, "I paid 5 for it."),
    ("language", {}, "Der Film war lang, aber das Ende war das Warten wert."),
    ("language", {}, "Das kostet ca. 30 Euro, z. B. im Supermarkt."),
    ("language", {}, "Tu ne sais même pas ce que tu as."),
    ("language", {}, "这部电影的节奏紧凑，演员的表演也非常自然。"),
    ("language", {"code": "fr"}, "The film was long, but the ending was worth the wait."),
    ("regex", {"pattern": r"\d", "message": "Write a number."}, "three stars"),
    ("regex", {"pattern": "é", "absent": True, "message": "Write no accent."}, "café"),
    ("regex", {"pattern": ".", "message": "Write less."}, "x" * 80_001),
    ("regex", {"pattern": "(a|aa)+$", "message": "Write no a."}, "a" * 60 + "b"),
]


@pytest.mark.parametrize(("kind", "parameters", "text"), HOLDS)
def test_holds(kind: str, parameters: dict[str, Any], text: str) -> None:
    assert told(of(kind, **parameters), text) is None


@pytest.mark.parametrize(("kind", "parameters", "text"), BROKEN)
def test_broken_speaks_to_the_writer(kind: str, parameters: dict[str, Any], text: str) -> None:
    assert_sentence(told(of(kind, **parameters), text))


def test_every_kind_is_seen_broken() -> None:
    elsewhere = {"fields_differ", "near_duplicate", "conflict", "fresh_opening"}
    assert {kind for kind, _, _ in BROKEN} | elsewhere == set(kinds())
    assert {kind for kind, _, _ in HOLDS} | elsewhere == set(kinds())


def test_kinds_are_the_classes_own() -> None:
    assert all(cls.model_fields["kind"].default == kind for kind, cls in kinds().items())
    assert len(kinds()) == 15


def test_cut_off_draft_is_not_complete() -> None:
    assert_sentence(Complete().check(Draft({"text": "A whole sentence."}, finished=False), SLOT, Kept()))


# --- drafts of several fields ---------------------------------------------------------------------------------------


def test_each_field_is_looked_at_and_named() -> None:
    sentence = told(Length(max_words=2), {"premise": "fine", "hypothesis": "this is too long"})
    assert_sentence(sentence)
    assert sentence is not None
    assert sentence.startswith("In hypothesis: ")


def test_one_field_alone_is_not_named() -> None:
    sentence = told(Length(max_words=2), "this is too long")
    assert sentence is not None
    assert not sentence.startswith("In ")


def test_a_named_field_is_looked_at_alone() -> None:
    assert told(Length(field="premise", max_words=2), {"premise": "fine", "hypothesis": "this is too long"}) is None
    assert_sentence(told(Length(field="hypothesis", max_words=2), {"premise": "fine", "hypothesis": "this is too long"}))


def test_a_field_that_the_draft_lacks_holds() -> None:
    assert told(Length(field="premise", min_words=9), {"hypothesis": "short"}) is None


def test_name_tells_kind_and_field() -> None:
    assert (Length().name, Length(field="text").name) == ("length", "length:text")
    assert Contains(field="passage", value_of="answer").named_fields() == ("passage", "answer")


@pytest.mark.parametrize(
    ("kind", "texts", "holds"),
    [
        ("contains", {"passage": "Paris is the capital.", "answer": "paris "}, True),
        ("contains", {"passage": "Rome is the capital.", "answer": "Paris"}, False),
        ("contains", {"passage": "Rome is the capital.", "answer": ""}, False),
        ("contains", {"passage": "Rome is the capital."}, False),
        ("contains", {"passage": "Die STRASSE ist lang.", "answer": "straße"}, True),
        ("contains", {"passage": "They live in\nNew  York now.", "answer": "new york"}, True),
        ("contains", {"passage": "They live in New-York.", "answer": "new york"}, False),
        ("contains", {"passage": "It costs 3.50 there.", "answer": "3.50"}, True),
        ("contains", {"passage": "It costs 3.50 there.", "answer": "3 50"}, False),
        ("contains", {"passage": "Don't go.", "answer": "don't"}, True),
        ("contains", {"passage": "Don't go.", "answer": "don t"}, False),
        ("contains", {"passage": "I paid $5 for it.", "answer": "$"}, True),
        ("contains", {"passage": "I paid $5 for it.", "answer": "$5"}, True),
        ("contains", {"passage": "I paid US$5 for it.", "answer": "$5"}, True),
        ("contains", {"passage": "I paid $5 for it.", "answer": "€5"}, False),
        ("contains", {"passage": "I paid $50 for it.", "answer": "$5"}, False),
        ("contains", {"passage": "He started.", "answer": "art"}, False),
        ("contains", {"passage": "He said (at last) yes.", "answer": "(at last)"}, True),
        ("contains", {"passage": "我的iPhone坏了。", "answer": "iphone"}, True),
        ("contains", {"passage": "这只猫很可爱。", "answer": "猫很"}, True),
        ("contains", {"passage": "กาแฟร้านนี้หอม", "answer": "ร้านนี้"}, True),
        ("contains", {"passage": "Rome is the capital.", "answer": " "}, False),
        ("excludes", {"passage": "They live in New-York.", "answer": "new york"}, False),
        ("excludes", {"passage": "I paid $5 for it.", "answer": "$"}, False),
        ("excludes", {"passage": "Rome is the capital.", "answer": "Paris"}, True),
        ("excludes", {"passage": "Paris is the capital.", "answer": "paris"}, False),
        ("excludes", {"passage": "Rome is the capital.", "answer": ""}, True),
    ],
)
def test_value_of_another_field(kind: str, texts: dict[str, str], holds: bool) -> None:
    sentence = told(of(kind, field="passage", value_of="answer"), texts)
    assert (sentence is None) == holds
    if not holds:
        assert_sentence(sentence)


@pytest.mark.parametrize(
    ("texts", "holds"),
    [
        ({"a": "The cat sat on the mat.", "b": "the CAT sat, on the mat"}, False),
        ({"a": "The cat sat on the mat.", "b": "A dog ran."}, True),
        ({"a": "", "b": ""}, False),
        ({"a": "alone"}, True),
        ({"a": "one", "b": "two", "c": "one"}, False),
        ({"a": "x == 0", "b": "x != 0"}, True),
        ({"a": "😀🎉", "b": "😢"}, True),
        ({"a": "😀🎉", "b": "😀🎉"}, False),
    ],
)
def test_fields_differ(texts: dict[str, str], holds: bool) -> None:
    sentence = told(FieldsDiffer(), texts)
    assert (sentence is None) == holds
    if not holds:
        assert_sentence(sentence)


# --- drafts beside the rows kept so far -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a b c d e f g h i j k l m n o p q r s t", False),
        ("A, b. c! d e f g h i J k l m n o p q r s t", False),
        ("a b c d e f g h i j k l m n u v w x y z", False),  # 2 * 14 / 40 = 0.7, the threshold itself
        ("a b c d e f g h i j k l m 1 u v w x y z", True),
        ("", True),
        ("How do I close my account?", False),
        ("how do i close my account", False),
        ("How do I open my account?", True),  # 0.83
        ("How do I close the account that I have?", True),  # 0.71
        ("How do I close my accounts now with you today?", True),
        ("What is the Turkish currency called in the shops over here now?", False),  # 11 of 12, 0.92
        ("What is the Turkish currency called in a shop over there now?", False),  # 9 of 12
    ],
)
def test_near_duplicate(text: str, holds: bool) -> None:
    kept = Kept()
    kept.add("a b c d e f g h i j k l m n o p q r s t", "positive")
    kept.add("How do I close my account?", "positive")
    kept.add("What is the Turkish currency called in the shop over here now?", "positive")
    sentence = told(NearDuplicate(), text, kept)
    assert (sentence is None) == holds
    if not holds:
        assert_sentence(sentence)


@pytest.mark.parametrize(
    ("constraint", "text", "holds"),
    [
        ("Ask for help. Mention {seed}.", "Help me out. Mention the app for learning Spanish.", False),
        ("Ask for help. Mention {seed}.", "Help me out! Mentioning the app is not allowed.", False),
        ("Ask for help. Mention {seed}.", "Why did nobody mention the app?", True),
        ("Ask for help.", "Mention me to your boss.", True),
        ("{seed} does this.", "The app for learning Spanish does this.", False),
        ("{seed} does this.", "The app for learning Spanish is on my phone.", True),
        ("{seed} does this.", "My phone does this all day.", True),
        ("You saw a {context} at the cinema.", "You saw a horror film at the cinema and liked it.", False),
        ("You saw a {context} at the cinema.", "We saw a horror film at the cinema.", False),
        ("You saw a {context} at the cinema.", "I had never seen a horror film at the cinema.", True),
        ("Praise {seed} in {context}.", "Praise the app for learning Spanish in horror film.", False),
        ("Praise {seed} in {context}.", "The app for learning Spanish in horror film style.", True),
        ("{context} and {seed}", "It is horror film and the app for learning Spanish.", True),  # a word of its own
        ("{seed}", "The app for learning Spanish.", True),
        ("{cue}", "Dull as a stone.", True),
        ("Complain about {seed}.", "I am writing to complain about the app for learning Spanish, which I bought.", True),
        ("Say goodbye to {context}.", "Tomorrow I will say goodbye to horror film.", True),  # what was asked for
        ("Complain about {seed}.", "It rained. Complain about the app for learning Spanish!", False),
        ("Find {cue} dull.", "Find the app for learning Spanish dull.", True),  # a cue parts what is before it from what is behind
        ("Say that {seed} was {cue} when you first used it.", "It seems the app for learning Spanish was dull.", True),
        ("Say that {seed} was {cue} when you first used it.", "The app was dull when you first used it.", False),
        ("Write {tone} about {passage}.", "Write in a loud voice about the app for learning Spanish.", False),
    ],
)
def test_an_echo_is_found_with_its_places_filled_in(constraint: str, text: str, holds: bool) -> None:
    slot = Slot(0, 0, "praise", InstanceSeed("the app for learning Spanish", Context("horror film")), {"tone": "in a loud voice"})
    sentence = Echo(constraints=(("praise", constraint),)).check(Draft({"text": text}), slot, Kept())
    assert (sentence is None) == holds


@pytest.mark.parametrize(
    ("constraint", "meaning", "text", "holds"),
    [
        ("You moved here and want a resident's parking permit.", "The resident asks for a resident's parking permit.", "I want a resident's parking permit.", True),
        ("You moved here and want a resident's parking permit.", "The resident asks for a resident's parking permit.", "I apply for a resident's parking permit.", True),
        ("You moved here and want a resident's parking permit.", "The resident asks for a permit.", "I want a resident's parking permit.", False),
        ("You moved here and want a resident's parking permit.", "The resident asks for a resident's parking permit.", "So you moved here and want a resident's parking permit?", False),
        ("You got a parking fine at {context} and object.", "The resident disputes a parking fine.", "I got a parking fine at horror film.", True),
        ("You got a parking fine at {context} and object.", "The resident disputes a parking fine.", "You got a parking fine at horror film and object.", False),
        ("Write a post in which the writer is angry.", "The writer is angry.", "Today the writer is angry.", False),  # whom it is about is no thing
        ("Say that the fee is far too high.", "It says that the fee is far too high.", "Well, that the fee is far too high.", False),
    ],
)  # fmt: skip
def test_what_a_label_s_constraint_and_meaning_both_name_is_no_echo(constraint: str, meaning: str, text: str, holds: bool) -> None:
    slot = Slot(0, 0, "praise", InstanceSeed("the plot", Context("horror film")))
    echo = Echo(
        constraints=(("praise", constraint), ("praise", meaning), ("other", "Write that you want a resident's parking permit."))
    )
    assert (echo.check(Draft({"text": text}), slot, Kept()) is None) == holds
    if text.startswith("I want"):
        assert_sentence(echo.model_copy(update={"things": False}).check(Draft({"text": text}), slot, Kept()))


def test_a_task_with_an_echo_of_its_own_keeps_its_hash() -> None:
    assert "things" not in Echo(run=7).model_dump()
    assert Echo(things=False).model_dump()["things"] is False


@pytest.mark.parametrize("article", ["a", "an"])
def test_an_echo_is_found_whatever_the_article_before_a_place(article: str) -> None:
    echo = Echo(constraints=(("praise", "You saw a {context} at the cinema."),))
    slot = Slot(0, 0, "praise", InstanceSeed("the plot", Context("art film")))
    assert_sentence(echo.check(Draft({"text": f"You saw {article} art film at the cinema and liked it."}), slot, Kept()))


def test_letters_of_another_script_may_be_those_of_what_the_text_is_about() -> None:
    slot = Slot(0, 0, "praise", InstanceSeed("音乐", Context("words")))
    assert Language().check(Draft({"text": "What does 音乐 mean?"}), slot, Kept()) is None
    assert_sentence(Language().check(Draft({"text": "What does 書 mean?"}), slot, Kept()))
    for face in ("No idea what happened ¯\\_(ツ)_/¯ really.", "They lost again (ಠ_ಠ) of course."):
        assert Language().check(Draft({"text": face}), slot, Kept()) is None
    for strange in ("Turn it up トル now.", "I love it 好."):
        assert_sentence(Language().check(Draft({"text": strange}), slot, Kept()))
    assert "scripts" not in Language().model_dump()
    assert Language(scripts=False).model_dump()["scripts"] is False


@pytest.mark.parametrize(("short", "holds"), [(0, False), (12, True)])
def test_of_short_texts_more_is_asked_unless_the_task_says_otherwise(short: int, holds: bool) -> None:
    kept = Kept()
    kept.add("How do I close my account?", "positive")
    assert (told(NearDuplicate(short=short), "How do I open my account?", kept) is None) == holds
    assert "short" not in NearDuplicate().model_dump()
    assert NearDuplicate(short=short).model_dump()["short"] == short


def test_near_duplicate_of_nothing() -> None:
    assert told(NearDuplicate(), "anything") is None


@pytest.mark.parametrize(("label", "holds"), [("positive", True), ("negative", False)])
def test_conflict_is_the_same_text_under_another_label(label: str, holds: bool) -> None:
    kept = Kept()
    kept.add("It is what it is.", label)
    sentence = told(Conflict(), "It IS what it is!", kept)
    assert (sentence is None) == holds
    if not holds:
        assert_sentence(sentence)
    assert told(Conflict(), "It is what it was.", kept) is None


# --- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("length", {"min_words": 5, "max_words": 2}, "min_words 5 is above max_words 2"),
        ("length", {"min_words": "5"}, "integer"),
        ("length", {"least": 5}, "not permitted"),
        ("contains", {"field": "text"}, "either value_of"),
        ("contains", {"field": "text", "value_of": "b", "any_of": ["c"]}, "not both"),
        ("excludes", {"field": "text"}, "either value_of"),
        ("regex", {"pattern": "(", "message": "Write."}, "mend it"),
        ("regex", {"pattern": "a"}, "message"),
        ("near_duplicate", {"threshold": 0}, "greater than 0"),
        ("near_duplicate", {"threshold": 1.5}, "less than or equal to 1"),
        ("language", {"code": "english"}, "pattern"),
        ("loops", {"field": "no such name"}, "pattern"),
        ("no_such_kind", {}, "no_such_kind"),
    ],
)
def test_wrong_parameters_are_refused(kind: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("(", r"\(")):
        of(kind, **parameters)


@pytest.mark.parametrize("parameters", [{"minimum": 5, "maximum": 2}, {"minimum": 2}])
def test_sentences_that_no_text_can_have_are_refused(parameters: dict[str, int]) -> None:
    """`minimum` above `maximum` breaks every draft: as for `length`, the task file is wrong."""
    with pytest.raises(ValidationError):
        of("sentences", **parameters)


def test_marks_leave_the_hash_of_older_tasks_alone() -> None:
    def saying(**loops: Any) -> Task:
        return Task(
            name="greetings",
            description="Short messages.",
            fields=({"name": "text", "description": "a short message"},),
            labels=({"name": "hello", "meaning": "It greets.", "constraint": "Greet {context}."},),
            contexts={"hint": "people"},
            seeds={"hint": "occasions"},
            assertions=({"kind": "loops", **loops},),
        )

    assert saying().hash == saying(marks=True).hash == "421a66ab07d9d974"
    assert saying(marks=False).hash != saying().hash


def test_assertions_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Echo().run = 9


# --- sentences and language -----------------------------------------------------------------------------------------


def test_a_label_with_an_underscore_is_found_as_it_is_written() -> None:
    assert_sentence(told(of("no_label_word", banned=["not_spam"]), "This one is not_spam."))


@pytest.mark.parametrize(
    "text", ["I can’t provide that.", "I’m sorry, but I have no views.", "I don’t have access to it.", "Here’s a review: good."]
)
def test_typographic_apostrophes_are_apostrophes(text: str) -> None:
    assert_sentence(told(of("meta"), text.replace("’", "'")))
    assert_sentence(told(of("meta"), text))


def test_openings_that_many_rows_share_are_refused() -> None:
    kept, slot = Kept(), Slot(0, 0, "a", InstanceSeed("seed", Context("context")))
    assertion = FreshOpening()
    for i in range(3):
        assert assertion.check(Draft({"text": f"I am thrilled number {i}."}), slot, kept) is None
        kept.add(f"I am thrilled number {i}.", "a")
    assert (
        assertion.check(Draft({"text": "I am thrilled once more."}), slot, kept)
        == "Too many rows begin with these words; begin in another way."
    )
    assert assertion.check(Draft({"text": "She was thrilled once more."}), slot, kept) is None
    for i in range(120):
        kept.add(f"word{i} opens this row.", "a")
    assert assertion.check(Draft({"text": "I am thrilled once more."}), slot, kept) is None, "three of 123 rows are under the share"


def test_a_sentence_that_ends_in_an_initial_is_cut() -> None:
    slot = Slot(0, 0, "a", InstanceSeed("seed", Context("context")))
    told = Complete(form="sentence").check(Draft({"text": "I loved the acting of Michael B."}), slot, Kept())
    assert told is not None
    assert "initial" in told


@pytest.mark.parametrize(
    "text",
    [
        "Great stuff, thanks :)", "Great stuff, thanks:)", "Great stuff ;)", "see you at 8 :-)", "miss u already :(", "miss u already:(",
        "so sorry :'(", "no way =)", "no way :-(((", "love you :*", "not sure :/", "not sure :-/", "hm :[", "fine 8-)", "hello (:", "so sad ):",
        "still here -_-", "we did it \\o/", "love you <3", "so cute ^^", "that was fun xD", "thanks, :)", "see you ;) ;)", '"Great stuff :)"',
        "thanks (really) :)", "(great :)", "(great :))", "I did it :) and then (at last) slept", "so sad :( but (at last) home", "(so sad :()",
        "a) milk b) bread (two loaves)", "thanks :) x", "I did it :D", "what a day :((", "f(x=(1, 2)) is two",
    ],
)  # fmt: skip
def test_a_smiley_ends_a_text_and_opens_nothing(text: str) -> None:
    assert told(Complete(), text) is None


@pytest.mark.parametrize(
    "text",
    [
        "(see page 3", "I did it :) and then (at last slept", "so sad :( but (at last home", "1) milk and (two loaves", "thanks :) and", "thanks :),",
        "thanks :) (", "The following:", "The following: (", "See the list (a, b) :", "**Note:**", "[Note:]", "Visit http:/", "f(x=(1, 2) is two",
        'He said "thanks :)', "sorry :( (see below", "I left -", "It was hot --", "(a) one (b", "lists of:[",
    ],
)  # fmt: skip
def test_a_text_that_breaks_off_is_cut_with_and_without_a_smiley(text: str) -> None:
    assert_sentence(told(Complete(), text))


def test_a_row_of_smileys_is_read_in_time() -> None:
    """Without going back over it from each of them."""
    start = time.process_time()
    told(Complete(), " :)" * 10_000 + "x")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("form", "text", "holds"),
    [
        ("sentence", "It rained. :)", True),
        ("sentence", "It rained :)", False),
        ("sentence", "It rained, :)", False),
        ("question", "Who wrote it? ;-)", True),
        ("question", "Who wrote it ;-)", False),
    ],
)
def test_a_smiley_follows_an_end(form: Any, text: str, holds: bool) -> None:
    assert (told(Complete(form=form), text) is None) == holds


def test_a_blank_that_is_none_can_be_let_through() -> None:
    text = "She came in [laughing] and sat down."
    assert told(of("meta"), text) is not None
    assert told(of("meta", blank=False), text) is None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Claim your prize at https://example.com/win/", True),
        ("Claim it at www.example.com/", True),
        ("You can come by bus and/", False),
        ("Claim it at http:/", False),
    ],
)
def test_an_address_ends_a_free_text_on_its_slash(text: str, holds: bool) -> None:
    assert (told(Complete(form="text"), text) is None) == holds


def phrases(count: int) -> str:
    """A text of `count` words in which a phrase comes back every hundred words, as in prose."""
    rng = random.Random(count)
    fresh = [f"{rng.choice('bcdfgklmnprst')}{i}" for i in range(count)]
    for place in range(0, count - 6, 100):
        fresh[place : place + 6] = ["at", "the", "end", "of", "the", "line"]
    return " ".join(fresh)


@pytest.mark.parametrize("count", [250, 500, 1000, 1800])
def test_a_phrase_may_come_back_in_a_long_text(count: int) -> None:
    assert told(of("loops"), phrases(count)) is None


@pytest.mark.parametrize("count", [30, 60, 120, 250, 500, 1000, 1800])
@pytest.mark.parametrize("period", [10, 25, 80, 150])
def test_a_text_that_goes_round_in_circles_is_refused_at_any_length(count: int, period: int) -> None:
    said = phrases(period).split()
    circling = " ".join((said * (count // period + 1))[:count])
    assert (told(of("loops"), circling) is None) == (count < period + 5), "less than two rounds are none"


@pytest.mark.parametrize("period", [10, 25, 40])
def test_a_long_text_that_ends_in_circles_is_refused(period: int) -> None:
    said = [f"x{i}" for i in range(period)]
    assert told(of("loops"), f"{phrases(1500)} {' '.join(said * (200 // period))}") is not None


def test_a_short_text_says_each_thing_once() -> None:
    assert told(of("loops"), f"{phrases(90)} at the end of the line") is not None
