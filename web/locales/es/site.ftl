# Lo que dice toda página.
site-description = CompilandoCode: cursos de programación en español y una mesa de ayuda que responde.
skip = Saltar al contenido
nav = Principal
nav-login = Entrar
nav-register = Crear cuenta
nav-account = Mi cuenta
nav-logout = Salir
nav-ops = Operación
other-language = English
foot = CompilandoCode · escuela de programación y mesa de ayuda
foot-engine = Cada carta y cada plazo es una faena que no se pierde.
moment = { $day } de { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
} de { $year }, { $time }
day = { $day } de { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
} de { $year }

# La portada.
landing-title = Aprende a programar, en español
landing-hero = Aprende a programar.
landing-hero-end = Pieza por pieza.
landing-lead = Cursos claros, hechos en español, y una mesa de ayuda que contesta cuando algo se rompe.
landing-faces = Qué hacemos
landing-school-eyebrow = La escuela
landing-school = Cursos que se terminan
landing-school-1 = Lecciones cortas, con código que se ejecuta y se entiende.
landing-school-2 = Avanzas a tu paso: cada pieza encaja en la anterior.
landing-school-3 = Un certificado que cualquiera puede comprobar.
landing-desk-eyebrow = La mesa de ayuda
landing-desk = Alguien responde
landing-desk-1 = Cada solicitud tiene una persona a cargo.
landing-desk-2 = Cada plazo se mide y se cumple a la vista.
landing-desk-3 = Cada novedad te llega por correo.
landing-start = Tres pasos para empezar
landing-start-1 = Crea tu cuenta con tu nombre y tu correo.
landing-start-2 = Abre la carta de bienvenida y confirma tu dirección.
landing-start-3 = Entra y elige por dónde empezar.
