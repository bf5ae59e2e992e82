"""What tells languages apart within one script: frequent function words, word endings and letters of their own.

The lists are short and general (articles, pronouns, prepositions, conjunctions, auxiliaries); nothing in them is
specific to a benchmark. Languages no instruction asks for are there so that a text in them is not taken for a
neighbour: Spanish for Portuguese, Dutch for German, Estonian for Finnish.
"""

from __future__ import annotations

LATIN_WORDS = {
    "en": """the of and to in is it that was for on are as with his they at be this have from or had by but not
        what all were we when your can said there use an each which she do how their if will up other about out
        many then them these so some her would make like him into time has look two more no way could my than
        been who its now did get may you he i me our us am does don't it's i'm let's should because here where
        why just very only over also new after before any please thank hello hey dear not yes""",
    "es": """el la los las de que y en un una unos unas es por con para como más pero sus le este esta esto
        porque cuando muy sin sobre también hasta hay donde quien desde todo nos durante todos uno les ni contra
        otros ese eso ante ellos fue del al se lo su no si yo tú mi está son tiene puede usted""",
    "pt": """o a os as de que e em um uma uns umas é do da dos das no na nos nas por com para como mais mas seu
        sua seus suas ele ela eles elas isso este esta ao aos à às pelo pela não foi são tem também já muito
        quando você nós eu está até sem sobre entre depois então ser ter havia era minha meu se ou só mesmo qual
        você vocês cada""",
    "fr": """le la les de des du un une et est en que qui dans pour pas sur au aux avec ce cette ces il elle ils
        elles nous vous je tu ne se son sa ses leur leurs mais ou où donc par plus être avoir sont ont été fait
        comme tout si très aussi mon ma mes votre notre c'est""",
    "it": """il lo la i gli le di che e è un una uno del della dei delle degli dello in nel nella nelle per con
        non si sono come ma più anche questo questa questi al alla alle ai agli dal dalla su sul sulla suo sua
        ha ho hai hanno io tu noi voi loro mi ti ci se quando perché molto tutto tra fra sei era o da così dove""",
    "de": """der die das und ist in den von zu mit sich des auf für nicht ein eine einen einem einer eines dem
        es im auch als an nach wie wir ihr sie er ich du aus bei oder aber wenn war sind wird werden haben hat
        habe kann nur noch über vor zum zur durch um so dass mein meine sein seine ihre ihren unser uns mir mich
        dich sehr hier diese dieser dieses wurde bitte""",
    "nl": """de het een en van ik te dat die in is niet zijn op aan met als voor er maar om hem dan zou of wat
        mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb heeft hebben deze u want
        nog zal werd wordt geen kan worden onder hoe wij jij""",
    "sv": """och i att det som en på är av för med den till inte om ett han men var jag hon kan så från vi de du
        har när eller vad mig skulle alla sig här där än ut mycket bara också detta dessa blir""",
    "da": """og i at det som en på er af for med den til ikke om et han men var jeg hun kan så fra vi de du har
        når eller hvad mig skulle alle sig her der ud meget kun også dette disse bliver efter""",
    "fi": """ja on ei se että hän oli en olen ole ovat mutta tai kun niin kuin myös joka jotka mitä mikä tämä
        nämä sen hänen minä sinä me te he ne minun sinun olla voi voit voivat jos vain nyt sitten sitä siitä
        siinä tässä kanssa sekä vielä aina kaikki hyvin mukaan jälkeen ennen koska miksi miten ovat kuten""",
    "et": """ja on ei see et ta oli ma olen aga või kui nii ka kes mis seda selle tema mina sina me te nad need
        olla võib veel siis mitte välja oma saab ning kõik""",
    "sw": """na ya wa kwa ni katika za la cha hii huo huu kama kuwa yake lakini hiyo pia watu sana yangu wewe
        mimi kila au si ndiyo hapana yeye sisi wao hao hawa hilo hili hizi hizo ambayo ambao ambaye kwamba
        wakati baada kabla siku moja mbili wake wangu yako wako vya pa mtu nini nani wapi jinsi bila tu bado
        kutoka hadi ili kwenye ana wana nina una kuna alikuwa hakuna sasa zaidi yao kisha hivyo je akasema
        anasema habari""",
    "id": """yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut bisa ada
        mereka lebih kata tahun sudah atau saat oleh menjadi orang kami kita anda dia adalah sebagai telah dapat""",
    "vi": """và của là có không được cho với một các những này trong đó người như đã để từ khi ra vào cũng nhưng
        về đến tôi bạn thì ở anh em chúng họ làm năm nhiều rất sẽ còn hay hoặc mẹ con nếu vì ai gì sao nào""",
    "pl": """i w nie na się z do to że jest o jak ale po co tak za od czy są dla przez przy być tym ten ta te
        który która które jego jej ich był była może już tylko""",
    "cs": """a v se na je že s z do to o i jako za by pro po ale tak jsem jsou byl být které který která podle
        mezi nebo už jen také při od""",
    "ro": """și în de la a cu pe nu este să o un din care mai pentru că se sunt ce au fi prin dar sau ca al ale
        lui această acest fost are după""",
    "hu": """a az és hogy nem is egy ez meg de van volt csak mint vagy már még lesz ha el ki azt ezt minden ami
        aki pedig után lehet""",
    "tr": """ve bir bu da de için ile çok ne gibi daha olarak o ama olan kadar var sonra değil mi her ki ya en
        şey ben sen biz onun""",
    "hr": """i u je da se na za su od s kao ne to koji koja što bi će a ali ili iz do po sam biti nije ovo bio""",
    "tl": """ang ng sa na mga at ay ito hindi ko ako siya mo ka kung para may niya nila namin natin lang din rin
        ngunit dahil kayo tayo""",
    "so": """iyo oo waa ka ku in la u ay uu si ah aan waxaa ayaa leh kale soo isku lagu badan waxa""",
    "af": """die en van in is het dat nie vir met op te sy hy wat 'n aan om ek deur word was ons hulle maar ook
        kan sal baie daar""",
    "ca": """el la els les de que i en un una és per amb no del al dels més com però seva seu ha aquest aquesta
        són també molt està quan""",
    "sq": """të dhe në e për me një nga që është i se nuk ka si do më kjo ky janë por kur pas""",
}

LATIN_ENDINGS = {
    "en": "ing tion ness ful less ght ould ously ally ible ings ed ly",
    "es": "ción ciones mente dad ando iendo aron",
    "pt": "ção ções ão ões mente dade ando endo inho inha aram ável ível agem",
    "fr": "tion tions ment eux euse eurs aient ique",
    "it": "zione zioni mente ità ando endo issimo aggio are ere ire ello etti",
    "de": "ung ungen lich keit heit schaft isch chen cht tzt igen",
    "nl": "ijk heid lijk ing atie aar eren",
    "fi": "ssa ssä sta stä lla llä lle ksi nen minen iin aan ään ista istä ellä ttu tty aa ää ivat ivät uus yys tta",
    "et": "mine used sse dele tud ada",
    "sw": "isha iwa eni ika isho aji ayo ambia ofu",
    "id": "kan nya annya asi",
    "sv": "ning ning arna erna het lig",
    "da": "ning erne hed lig ede",
    "pl": "ość anie enie ych owa ego",
    "tr": "lar ler dır dir mak mek iyor",
    "hu": "ság ség nak nek ban ben ok ek",
}

LATIN_LETTERS = {
    "es": "ñ¿¡",
    "pt": "ãõ",
    "fr": "œçêîûëï",
    "it": "ìò",
    "de": "ßäöü",
    "fi": "äö",
    "sv": "åäö",
    "da": "åæø",
    "et": "äöõü",
    "pl": "ąęłńśźż",
    "cs": "ěřůčšž",
    "hr": "čćđšž",
    "ro": "șțăşţ",
    "hu": "őű",
    "tr": "ğış",
    "ca": "çàï",
    "sq": "ëç",
    "vi": "ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}

CYRILLIC_WORDS = {
    "ru": """и в не на я что он с как это по но они мы все она так его за был от то из у же вы бы к о для только
        или если когда уже ты есть быть который чтобы может очень при она ещё еще их было были нет""",
    "bg": """и на да се е в за от с са по не че като това тази този тези който която което които или но ще съм
        си беше бяха има няма може го ги ми ти ни ви им до при след много само още защото когато към със във без
        чрез върху между всички всеки бъде пред тук там аз ние вие те той тя то дали както ако""",
    "uk": """і в не на що з як це та до він але вони ми все вона так його за був від то із у ж ви б для тільки
        або якщо коли вже ти є бути який щоб може дуже при ще їх було були немає""",
    "mk": """и на да се е во за од со не дека како ова оваа овој кој која кои или но ќе сум си беше има нема
        може го ги до по""",
    "sr": """и у је да се на за су од с као не то који која што би ће а али или из до по сам бити није ово био""",
}
CYRILLIC_ENDINGS = {
    "ru": "ого его ому ться ется ный ная ное ние ать ить ями ами ых ая ые ой",
    "bg": "ята ите ото ата ане ява ът ият вам ваш ения",
    "uk": "ого ння ться ють ити ати ий ії ською",
    "mk": "ата ите ото уваат ува ање ќе",
    "sr": "ање ења ију ити ају ји",
}
CYRILLIC_LETTERS = {"ru": "ыэё", "bg": "ъщ", "uk": "іїєґ", "mk": "ѓќѕџљњј", "sr": "ђћџљњј"}

ARABIC_WORDS = {
    "ar": """في من على إلى أن هذا هذه التي الذي لا ما عن مع كان كانت هو هي أو ثم لم لن قد كل بعد قبل بين إن ذلك
        تلك نحن أنا أنت هم ولا وفي""",
    "fa": """و در به از که این را با است آن برای یک خود تا کرد بر هم نیز شد ما من او می بود شده هر اما یا باید
        اگر چه شما آنها نمی های""",
    "ur": """و کے کی میں ہے اور سے کا کو اس پر نے یہ کہ بھی ہیں کر تو نہیں ایک وہ ہو تھا تھی ہم آپ لیے گیا ہوں ان
        جو کیا یا""",
}
ARABIC_LETTERS = {"ar": "ةىأإكيؤئ", "fa": "پچگژکی", "ur": "ٹڈڑںےہھپچگکی"}

DEVANAGARI_WORDS = {
    "hi": """है हैं के का की में और को से पर ने यह वह कि भी नहीं हो था थी थे एक इस उस लिए तो कर या जो मैं हम आप
        अपने अपनी रहा रही रहे गया करने किया होता होती मेरे मेरा हूँ हूं क्या कुछ ये जब""",
    "mr": """आहे आहेत आणि हे ही हा च्या मध्ये नाही तर या व तो ती ते मी आम्ही तुम्ही आपण एक साठी होते होता होती
        असे असतो असते पण की काय का करून केले केला झाले झाला मला त्या त्याच्या माझ्या खूप आपल्या किंवा ह्या जे का
        असल्यास मधील साठी येथे आता म्हणून सर्व""",
    "ne": """छ छन् हो र को मा ले लाई पनि यो त्यो गर्न गरेको गर्ने हुन्छ भएको थियो छैन तर म हामी तपाईं उनी एक
        लागि बाट सँग भने के कि तपाईंको हाम्रो मेरो गर्नुहोस् हुन् गरी यस त्यस अनि वा गर्दछ गर्दा यसको एउटा मात्र
        जस्तो कति छु छौं हुने""",
}
DEVANAGARI_LETTERS = {"mr": "ळ"}
DEVANAGARI_ENDINGS = {
    "hi": "ों ाओं िया ेंगे ाना ाने",
    "mr": "च्या ाचा ाची ाचे मध्ये साठी ांना ावर ायला तात ण्या ून ीता लेले विले ायचे ले ला",
    "ne": "को मा ले लाई हरू बाट सँग नुहोस् न्छ एको र्दछ इन्छ ेको",
}
