/**
 * A conversation of two strongSwan 5.9.8 daemons, recorded between the initiator and a relay on loopback: IKE_SA_INIT and
 * IKE_AUTH with a pre-shared key, pings in ESP, a CHILD_SA rekey, an IKE_SA rekey, more pings, a delete. One string is one
 * UDP payload in base64: IKE behind its non-ESP marker, or ESP.
 */

/** One recorded datagram. */
export interface RecordedDatagram {
  /** Which daemon sent it. */
  readonly from: "initiator" | "responder";
  /** The UDP payload in base64. */
  readonly base64: string;
}

/** The conversation, in the order in which it was recorded. */
export const RECORDED_CONVERSATION: readonly RecordedDatagram[] = [
  {
    from: "initiator",
    base64: "AAAAACF9o6OWFPXeAAAAAAAAAAAhICIIAAAAAAAAASgiAABUAgAALAEBAAQDAAAMAQAADIAOAQADAAAIAwAADAMAAA" +
      "gCAAAFAAAACAQAAB8AAAAkAgEAAwMAAAwBAAAUgA4AgAMAAAgCAAAFAAAACAQAAB8oAAAoAB8AAAxQAUMacy3qMEDy" +
      "XVqLqQ0cTIt0Vomdcho8d0vc3S4qKQAAJMFjHTfLc3AM+hCrf6afxk50cbswgg+RDrPw4VKmq/aIKQAAHAAAQASmlx" +
      "yMRR+crUexRvv9Un3a1PHi/SkAABwAAEAFj0xfjrkxgPaIYpl2TifOMrg2tOIpAAAIAABALikAABAAAEAvAAIAAwAE" +
      "AAUrAAAIAABAFgAAABSIL+Vtb9INvCJRYTsuvlvr",
  },
  {
    from: "responder",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckhICIgAAAAAAAAAXUiAAAwAAAALAEBAAQDAAAMAQAADIAOAQADAAAIAwAADAMAAA" +
      "gCAAAFAAAACAQAAB8oAAAoAB8AAJlHq9pXe2QAXVo60xgjfzDkNF4bl05RE+vNKlarO89gKQAAJAqrTHzPy4afTUkn" +
      "Z61Gour8Ncr3MiVKYuXTa7ilug6iKQAAHAAAQAR9I9sdbi3ylDtak6u5c3tq5ksdPyYAABwAAEAFmUzsfwphL1UVXZ" +
      "JB4tQ7ZLhdGD0pAABpBExxKt7eUlDLnaWW9ouwbpeVwctepqpBfqwk9daLKEfJ5iAGsCzTBmy6xo3gYhlh5DaDPqTN" +
      "go8OoBFJL7pNlkBNf9c/yFjAZfql13OlXNsUTHEq3t5SUMudpZb2i7Bul5XBy14pAAAIAABALikAABAAAEAvAAIAAw" +
      "AEAAUpAAAIAABAIisAAAgAAEAUAAAAFIgv5W1v0g28IlFhOy6+W+s=",
  },
  {
    from: "initiator",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICMIAAAAAQAAAaAjAAGE/z+fziEWktptNxji1Bbom5aWq1au3JhJbEajI5ykhb" +
      "NH/ApdKru6PBVORZ1ms+H2TeEZ5tcnXTN6Y2jZyIcxFecp103iw1+ffPARn206WMb1BmlIIPUUifquSnAbDKs6zQ6A" +
      "xTR+WrqS5GvbFGra2CpwJyWuywimzRnF/u3xS6YoLj+VUJzf38M2pgTskeTY+YWxLzWz8xLKpVn0qP16wpQbjCfXzX" +
      "NYnutcYABfj/pKb7JV2YGTH/aDrvjTSPLmopHXaZS6zAj6RXIYOf3T9yW+EhGo2Mij3aAgGtpn0hkkPQmLLVNljZri" +
      "RqhiHwJUCO3cKEhXePV54MEkF2OmwPYLDhsE+HwJ8KJsO6hNJHkOiQS2AX9hmytnjCbaQte6kOGHZJefByl6ACA0N4" +
      "A2/Xl7fq0MWWyE7SFIaGY1F130437viiJxjzoR0xIhSl7QR29W5mxDu+YOK2isNovh+J5vAhncCuDL//Bvk4COFfcR" +
      "P0V2Q+cnwfNEgBqq05ng",
  },
  {
    from: "responder",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICMgAAAAAQAAAQAkAADkOb3j9F+wDKemnpLUYxt6q8YUwJtffPu+TtOReg1/8X" +
      "/S8vxx1ri1/lUMyLTjzYLKRQB3khKjhVIHTfWJDhkAyHX4V8rXI9vbFEO0umcMElyl9qfTgY2piLVnRuI4tdC8YOpT" +
      "riROjTdcRabZB8iAw3QZq/4OWvaQSWgEEW1RjFf3wILMZOwxJfpIknfila1sCElCP6HH1YCpsbySSs/quzZHIAP4qh" +
      "8c0EqhwWvHkokwTX9U4EvF2b5jmbwhwwfBrkr5RFQI1B7SWsmUlGdNS5KT1qP8mF19E9LChJccaXY=",
  },
  {
    from: "initiator",
    base64: "sNs/tQAAAAHDcTz9pBGeSjP8Ue6NgP96iDbj1jWyOvA+EPeCyKiUw344/Ni5yf70h6YPdtJtBwROBeZWg6zk+h4pgG" +
      "8rIxTWn9fS+iDxOLh0fb+OiStZiFOqM6ur9lMhr4jXK8vI92vX3NKFecYqVdu4ZRPHKewK",
  },
  {
    from: "responder",
    base64: "t6KojwAAAAFsS+v+wpWMR4H6DXzjc3j7D2zZCJJfkgQVgVV3xyxBEy4ZhuncVS3HRVoo42RujB6dmRIZFY/pRst7+D" +
      "DZCNh8IO8l2LIBvbdZOU1CVcwcs1ng7yj4NAxuznqlgzQmXNizq+CWkZzBQ1hkId6Cvdb+",
  },
  {
    from: "initiator",
    base64: "sNs/tQAAAALDcTz9pBGeST5a7iMIOrLRD6F3qCY56zPMW2Y7KXcuTrGf0nhUyvitqkY2stG8BWeulN35Ut+u1nmYOs" +
      "LGCbiaRoe8h7RMoz939u3HaGr6k3U4g+maXpBD0HQ/2DH/Joeop2boHmGE++7uGkjWHOYy",
  },
  {
    from: "responder",
    base64: "t6KojwAAAAJsS+v+wpWMRLVBCS/qllGXnCSe+wgLKd9bFI9Ma1J7BbiMn9R2CdYGj1SEM+iC9QFfl5ri2rA8/4/IPo" +
      "Ah26rv9GJbTcSPK/S1ZTD4neo2yVN2N4rItjsQlbgTA67ybmfBjMSxINiNOCBGdjCzKDvV",
  },
  {
    from: "initiator",
    base64: "sNs/tQAAAAPDcTz9pBGeSHTsUSZRFDlramoRr5nVp1m1qWWa9pPNZ9EihSiNhuru8mCgTGe8N37fPsZGqVcZ8sxEKW" +
      "WtZxJtLnBVdafdN57rPIFtTlM7k1lPKzxhZ3Ht9JdyyGkOAtNiHKQ6uXIAftOGS451om3X",
  },
  {
    from: "responder",
    base64: "t6KojwAAAANsS+v+wpWMRcJ4Tz1Vsw9PsJ1G5Jy539780PRP32IKY8AXri0G1GkvG5uZ98QKYJItPJp2TGDhFfbD5y" +
      "POOqvYQp4U6OhTRJiej1j8GFXICEHxgtveKUCQrWZpQ3kYr22gZS0WF8yZaPYYmJNHRuKX",
  },
  {
    from: "initiator",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICQIAAAAAgAAANApAAC0p/ME6y96bqPBUjL4vNmoWa7s2gRlP8OgA6iqaMYBQN" +
      "MGlVoFli8mmUbAj5hauTPO7bxRPPs7iR8KAslHXqPZxPPKxKf0dvIIKLCEzWuYdeb3ci/9P9VZl9clm9EjmjGGzOkV" +
      "v6SNe93K7GozA2t7I7P3br+JwDxkxI64oLncsGVs6Uhe7lyuXwfsoVhKFQRL+loJ1jEwi+dmnVK+fb7/0pnvjpFjBK" +
      "JLCUc4oS82Rpk=",
  },
  {
    from: "responder",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICQgAAAAAgAAAMAhAACkNezrftNcR/uhlEDlj95fXLeJ8/KhwHvIxs2z/paN0y" +
      "gv2ssShjV5C5uP49lw2blrvdOf+WjMSHPPeAhHIdE26MBpsbiieajw7lTJibju4RR2BPKOWIF7JZt3b4evnC8oskEP" +
      "ACTP8Ve0dUPzwvxhOM5hCNLDA5QuFH0Ago3rEC1Mjf6bwlcuzv88sJU0NAerbtKnSI8ZVWSO76g1Bz4F4g==",
  },
  {
    from: "initiator",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICUIAAAAAwAAAFAqAAA0nhoAFMYSE9Qxqf+FGAs8o0RVQeeenbDNObtT2HhfDg" +
      "l/V9WADS/8vJuJWfG8kMgD",
  },
  {
    from: "responder",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICUgAAAAAwAAAFAqAAA03Y/7OPSqi0nFVfLCNH7D3AEiaF472NofsrcXySB6rN" +
      "OtNCAY4Cthc/YmfPZ6cMYA",
  },
  {
    from: "initiator",
    base64: "LIYfbwAAAAG5cGPLBohhycR6p5HAU32rFjIdlVwa7MY5i82ciErP47p7gci+akweXP6QwdQf67qKGZ/Jb0bx5NA4SJ" +
      "hfl25wSXQz/NFkDGecpnKhnxXsK+0V0gJpgh3jFMvtK6RZuKV2meADc7PCcQl2ZBjtTBqS",
  },
  {
    from: "responder",
    base64: "ckZlUwAAAAG1JFe2kCPA3AwHz5yDUtC+vMgtZsZCk325NGN7dAVoXIuaZlih3D9cUYh1s5pB2WhIomnBSpFUy8SEpN" +
      "NM7Tgfvg0SFZ+hgBou/D/qObFu9UxdLvDrqyxZf2LXJ/+2qXSJ6DrFpSRbbZRnIqnxki9n",
  },
  {
    from: "initiator",
    base64: "LIYfbwAAAAK5cGPLBohhyrHK8nftHwqm4Ytp366IwNn5+ks/PKRbA7LB4YVYsIDyy+1YE2vZVX/c1QHv6MUtsDSF6K" +
      "hsy0xKOgi8UB+M8PUGjTlLRYveNJEbqC2kIgqkPTlOe7gKlOW3h1Bug57ipRC8cDcbWduc",
  },
  {
    from: "responder",
    base64: "ckZlUwAAAAK1JFe2kCPA32uEtvt/6Cz1cxIBAdKH5xkZe+WBbC6SB178sTSAGWv22Z/VYJJ0Idr7WyKydwwHk7KANQ" +
      "e4lDkSkjLhHWMieyG7xXbpYHh6ws/gQq7gMFC7Vd1e4DgMRTIZTTXznlJa5i9Y+0zLVtqF",
  },
  {
    from: "initiator",
    base64: "LIYfbwAAAAO5cGPLBohhy0r19blOpenTmMPJ8H913Ide3pvsTZbhzNH/5eLtSeD3N2K2Xp+AoJBm+3+PzYzzzbkpvi" +
      "mW319FjEV8ft8xeSxrtDokEFhwNRnhvgUXwNYX4CvcC+R9NtY9ztQQcfb4xD9MWLSSZP+M",
  },
  {
    from: "responder",
    base64: "ckZlUwAAAAO1JFe2kCPA3jGKSUSJjfqYv4YomEhr4W9BhwsjVwXPAxhnLWOZU2uYjr3XgY+FtADwees1Gh/ok6SlfY" +
      "PWcWIZlTuVrUQ/d4z96XrfSXC2k803SZC2vJnZSFIm8GEUZLPqA+pgBMK43VN94TKFzNqh",
  },
  {
    from: "initiator",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICQIAAAABAAAAQAhAADkvXyNJegnDj1Tb/YmPRaO7q22twmEGuRTq4FqSHXh1Z" +
      "34GXjGP2kxNXr/re2AHJuQbAlctwCexGxwDR4YDHl+1FKFU8VHDeiNOj69pUxhX0nog3ip05RlKHkl3OWzzXpoSTJf" +
      "LIWdMpTEijf/ohVk9yZd1T+m6PBeBFz3vcEodn4VR5sMoyQdk5OMJCpDOu+8ZAhFxondr+V0gsvczbzRKyL0czYJHI" +
      "LxSc/4rkRHImvbu2Ornq1u+fNL6bAvVDw8w5lPQ2KmKxD674fK5s3NnEdjL1siRUGmA1Q2pajd3t0=",
  },
  {
    from: "responder",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICQgAAAABAAAANAhAAC0bJ0KKaRynnMAM9FL5fUvjh7LL6TM/+fCPBMJGfEJKd" +
      "5c8OLBZJkjNSmpOW2JAgghCylzliohtxkDJz5OJpyTIlnDNKM9+Zb3aGzFzrfr94dwikBaGFEMtSRkYY3xs/L7ahYv" +
      "N8RSfp8e/QgE82hIjmJj4x+r77d04tR4DnUDxoxUVvDqW2vB+uUqK38HmsUx9xFT5UJ64F2HoWcC2nT9d9GMBHF/AU" +
      "0V+QnyF/Gzio0=",
  },
  {
    from: "initiator",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICUIAAAABQAAAFAqAAA0llxyP9o2PTb+MbeOUTrZVITO0typAeY3qFAEqvN1zB" +
      "pjhjWJrDWWhTUwQUDr4pIR",
  },
  {
    from: "responder",
    base64: "AAAAACF9o6OWFPXeubTOkldjeckuICUgAAAABQAAAFAAAAA0nNoSStpuguRHdb5CU/FRgENJ89mViIJKbuYufmlSf/" +
      "eRj3D7tICvFNZDnpfCdyot",
  },
  {
    from: "initiator",
    base64: "LIYfbwAAAAS5cGPLBohhzEiaNftiB5gQ4rKKV7Neqb//9InraMUmNkd3ipVJ5WaLstBbly/KREe/35AL8LlDqiewow" +
      "3dvhCJU9PRJViEKAInsg63wKRCP5X2HmxQDBOB/td5bC3BQAcryHfpsa+Za5zH8YZixlZE",
  },
  {
    from: "responder",
    base64: "ckZlUwAAAAS1JFe2kCPA2bh+h4Bph+f3/Ckh6lpdbxUP9646FT0h4EIiOghjxJHAUNke8XoX3+xrpR2aRflVvt3CwL" +
      "V4UZE+QMqXQVy+pancpBgpd9I891+oqnyjNqHLdIf61TchLxzG2BMxooR6kaclvOzSxYPI",
  },
  {
    from: "initiator",
    base64: "LIYfbwAAAAW5cGPLBohhzfAl4BNHa7BC+LLgVylRDjjEk03e6vgBXifnstcADEWLXPDa5lN51FJAoGXDXbG1atLLxt" +
      "UTjdyOfWHnFj7syhOinBT7MwryIhQX9NiU36y7ln4cHjj2WcuYsET4qrStdoxiOsLjPW7q",
  },
  {
    from: "responder",
    base64: "ckZlUwAAAAW1JFe2kCPA2KNeWxenvbPhoYhH+6qdWinPAwe/L6k2UFTrijl7M7RZNbHtu/MstfOhkQZjx360L3thJu" +
      "wj77A2PIBj0c9cXcRI7v3ThrWz+TyfoLnP7kBDnzPm1hLUByGneVJ5Zv7GWrwyWBTkeJGk",
  },
  {
    from: "initiator",
    base64: "LIYfbwAAAAa5cGPLBohhzkRTs5MdJlycPcw/VaHZYFKAaT10/RsLg0gsgoAjIW8lATO0hGQpX/sM5EmP7n0Che/9Ca" +
      "7NueihOUosgk+NmgEU3YVRF9dlLzO/LxED2gQcHdRuqSYilxxEJrNSK27XPuqIX+0Vwz10",
  },
  {
    from: "responder",
    base64: "ckZlUwAAAAa1JFe2kCPA2+C25LmuE3OhkBWdeMmmfmLDhKQJb4fg/MIfL46QV3OIsWlw3swPX8i4vCqmZli/ImEt0O" +
      "GP4ApXeI+eoGkkre0ShiHsLMCLkcXnltMxkdAjkQOdUqk3MPXVokc7j6/zpYYtkyy+2vsf",
  },
  {
    from: "initiator",
    base64: "AAAAAA7ffcr4ElOiXnYkDpwh81suICUIAAAAAAAAAFAqAAA02OyNQg4Dnp1F/U67LIAVTBqifAyGgVxF5NDepmHgOC" +
      "mGLPd3DR4DpYLIdN8El64N",
  },
  {
    from: "responder",
    base64: "AAAAAA7ffcr4ElOiXnYkDpwh81suICUgAAAAAAAAAFAAAAA0Fvx98m7aOpJUMKTEyHY5C13LDT9iAM19tbB+DUL6UV" +
      "Rrvp145kYgjT8plnZFmKPi",
  },
];
